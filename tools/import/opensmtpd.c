// SPDX-License-Identifier: ISC
/*
 * smtpd.conf(5) of OpenSMTPD 6.4 and later.  For each domain the first rule that matches a stranger
 * and the first that matches a trusted client decide; our routes choose by the name of the domain,
 * so the order of the rules has no other effect.
 */
#include <stdlib.h>

#include "base/cidr.h"
#include "config/ini.h"
#include "tools/import/local.h"
#include "tools/import/opensmtpd_listeners.h"
#include "tools/import/opensmtpd_rules.h"
#include "tools/import/opensmtpd_ways.h"
#include "tools/import/text.h"

#define DOMAINS_MAX (PLAN_MAX / 4)
#define LIST_MAX    INI_LINE_MAX	/* of networks: a longer one is no value */
#define TLS_HERE    "set tls-certificate and tls-key: chapter \"TLS\" of smtp-handler-guide(7)"
#define LIMITS	    "see the limits of [relay] in smtp-handler.conf(5)"
#define FILTERS	    "for filters see milter in smtp-handler.conf(5), and smtp-verify(8)"

struct reading {
	struct opensmtpd_file f;
	struct opensmtpd_listeners listeners;
	struct opensmtpd_actions actions;
	struct opensmtpd_rules rules;
	struct opensmtpd_domain *domains;	/* the last one is "*" */
	size_t ndomains;
	size_t trusted;				/* the group whose rights trusted clients have */
	const char *name;			/* of this machine, or NULL */
};

/* ---- small settings ---- */

/* "4d", "12h", "30m" or "90s" in our form. */
static void
set_time(struct reading *r, const char *section, const char *key, struct slice value,
    struct plan_at at)
{
	const bool minutes = value.n && value.p[value.n - 1] == 'm';

	(void)plan_set(r->f.im->plan, section, key, at, "%.*s%s", (int)value.n, value.p,
	    minutes ? "in" : "");
}

/* Is the next word a keyword, with a value behind it? */
static bool
take_value(struct opensmtpd_line *l, const char *keyword, struct slice *ret)
{
	return opensmtpd_take(l, keyword) && opensmtpd_take_word(l, ret);
}

static void
set_smtp(struct reading *r, struct opensmtpd_line *l, struct plan_at at)
{
	struct plan *p = r->f.im->plan;
	struct slice value;

	if (take_value(l, "max-message-size", &value)) {
		if (value.n && ascii_lower(value.p[value.n - 1]) == 'b')
			value.n--;
		(void)plan_set(p, "server", "max-message-size", at, "%.*s", (int)value.n, value.p);
	} else if (take_value(l, "sub-addr-delim", &value)) {
		r->actions.delimiter = plan_copy(p, value);
	} else if (opensmtpd_take(l, "limit")) {
		if (take_value(l, "max-rcpt", &value))
			(void)plan_set(p, "server", "max-recipients", at, "%.*s", (int)value.n,
			    value.p);
		else if (take_value(l, "max-mails", &value))
			(void)plan_set(p, "server", "max-messages", at, "%.*s", (int)value.n,
			    value.p);
		else
			plan_untranslated(p, at, SL("smtp limit"), "see the limits of [server] in "
			    "smtp-handler.conf(5)");
	} else if (opensmtpd_take(l, "ciphers")) {
		plan_untranslated(p, at, SL("smtp ciphers"), "TLS 1.2 and newer are always used, "
		    "with the system's ciphers");
	} else {
		plan_untranslated(p, at, SL("smtp"), "look for its subject in "
		    "smtp-handler.conf(5)");
	}
}

static void
set_queue(struct reading *r, struct opensmtpd_line *l, struct plan_at at)
{
	struct slice value;

	if (take_value(l, "ttl", &value))
		set_time(r, "queue", "lifetime", value, at);
	else if (opensmtpd_take(l, "encryption"))
		plan_untranslated(r->f.im->plan, at, SL("queue encryption"), "the queue is not "
		    "encrypted: use a file system that is");
	else if (!opensmtpd_take(l, "compression"))
		plan_untranslated(r->f.im->plan, at, SL("queue"), "look for its subject in "
		    "smtp-handler.conf(5)");
}

static void
set_bounce(struct reading *r, struct opensmtpd_line *l, struct plan_at at)
{
	struct slice value;

	(void)opensmtpd_take(l, "warn-interval");
	if (opensmtpd_take_word(l, &value))
		set_time(r, "queue", "warn-after", value, at);
	if (!opensmtpd_at_end(l))
		plan_untranslated(r->f.im->plan, at, SL("bounce"), "a message has one such notice "
		    "at most, after the first time");
}

static const struct text_advice others[] = {
	{ "filter", FILTERS }, { "proc", FILTERS }, { "pki", TLS_HERE },
	{ "ca", "the authorities are those of [relay] tls-ca-file" },
	{ "admd", "the name in Authentication-Results is [server] hostname" },
	{ "srs", "see srs-domain and srs-secret in smtp-handler.conf(5)" },
	{ "mda", "no program gets mail: via = lmtp:SOCKET in smtp-handler.conf(5)" },
	{ "mta", LIMITS }, { "scheduler", LIMITS }, { "table", NULL }, { "listen", NULL },
	{ NULL, NULL },
};

static void
set_other(struct reading *r, struct opensmtpd_line *l)
{
	const struct plan_at at = l->word->at;
	const struct slice name = l->word->text;

	if (opensmtpd_take(l, "action"))
		opensmtpd_actions_add(&r->actions, l);
	else if (opensmtpd_take(l, "match"))
		opensmtpd_rules_add(&r->rules, l);
	else if (opensmtpd_take(l, "smtp"))
		set_smtp(r, l, at);
	else if (opensmtpd_take(l, "queue"))
		set_queue(r, l, at);
	else if (opensmtpd_take(l, "bounce"))
		set_bounce(r, l, at);
	else if (!text_advise(r->f.im->plan, at, others, name))
		plan_stop(r->f.im->plan, at, "line %u of %.200s cannot be read: it is not of "
		    "OpenSMTPD 6.4 or later", at.line, at.file);
}

/* ---- who may send ---- */

static struct opensmtpd_result
find(const struct reading *r, size_t group, size_t domain)
{
	return opensmtpd_rules_find(&r->rules, group, &r->domains[domain]);
}

/* Have the clients of two groups the same rights?  Names of this machine do not count, if they are
 * as all other domains for the group: its clients then reach the users of this machine, too. */
static bool
same_rights(const struct reading *r, size_t group, size_t other)
{
	const struct opensmtpd_result all = find(r, group, r->ndomains - 1);

	for (size_t i = 0; i < r->ndomains; i++) {
		const struct opensmtpd_result a = find(r, group, i), b = find(r, other, i);

		if (opensmtpd_rules_same(&a, &b))
			continue;
		if (!r->domains[i].local || other == OPENSMTPD_STRANGER || !b.rule || !all.rule ||
		    !opensmtpd_rules_same(&a, &all))
			return false;
	}
	return true;
}

/* The group whose rights trusted clients get: the first that has not those of strangers.  If all
 * have them, that is the group of strangers. */
static size_t
find_trusted(const struct reading *r)
{
	for (size_t g = OPENSMTPD_LOCAL; g < OPENSMTPD_GROUPS + r->rules.nnetworks; g++)
		if (!same_rights(r, g, OPENSMTPD_STRANGER))
			return g;
	return OPENSMTPD_STRANGER;
}

/* Note that clients of a group reach the users of this machine, too. */
static void
note_local(const struct reading *r, size_t group, struct plan_at at, const char *who)
{
	for (size_t i = 0; i < r->ndomains; i++) {
		const struct opensmtpd_result a = find(r, group, i), b = find(r, r->trusted, i);

		if (!opensmtpd_rules_same(&a, &b)) {
			plan_note(r->f.im->plan, at, "mail for %.*s from %s goes to the users of "
			    "this machine, as that of other trusted clients",
			    (int)r->domains[i].name.n, r->domains[i].name.p, who);
			return;
		}
	}
}

/* Is the group one of trusted clients?  Rights beside those of two groups cannot be expressed. */
static bool
is_trusted(const struct reading *r, size_t group, struct plan_at at, const char *who)
{
	if (same_rights(r, group, OPENSMTPD_STRANGER))
		return false;
	if (same_rights(r, group, r->trusted)) {
		note_local(r, group, at, who);
		return true;
	}
	plan_stop(r->f.im->plan, at, "%s may send to other domains, or by another way, than other "
	    "clients of this server: here all that are trusted have the same rights, and these "
	    "are not: see [server] trusted", who);
	return false;
}

/* Has the network the addresses by which programs of this machine send?  These have a group of
 * their own; a network that has more than them is left out. */
static bool
is_here(struct reading *r, struct slice text, struct plan_at at)
{
	struct cidr net, here4, here6;

	if (slice_eq(text, SL("local")))
		return true;
	if (!cidr_parse(text, &net) || !cidr_parse(SL("127.0.0.0/8"), &here4) ||
	    !cidr_parse(SL("::1"), &here6) ||
	    (!cidr_overlap(&net, &here4) && !cidr_overlap(&net, &here6)))
		return false;
	if (net.bits < (net.family == AF_INET ? here4.bits : here6.bits))
		plan_note(r->f.im->plan, at, "%.*s is left out: it has the addresses of this "
		    "machine, and others", (int)(text.n < 80 ? text.n : 80), text.p);
	return true;
}

/* The networks of a table. */
static const char *
add_networks(struct reading *r, const struct opensmtpd_table *t, const char *list)
{
	for (size_t i = 0; i < t->n && strlen(list) < LIST_MAX; i++) {
		struct slice net = t->rows[i].whole;

		if (slice_has_iprefix(net, SL("ipv6:")))
			net = slice_skip(net, 5);
		if (!is_here(r, net, t->rows[i].at))
			list = plan_text(r->f.im->plan, "%s%s%.*s", list, *list ? " " : "",
			    (int)net.n, net.p);
	}
	return list;
}

static void
set_trusted(struct reading *r)
{
	struct plan *p = r->f.im->plan;
	const struct plan_at at = { r->f.path, 0 };
	const bool socket = is_trusted(r, OPENSMTPD_SOCKET, at, "programs of this machine");
	const bool local = is_trusted(r, OPENSMTPD_LOCAL, at, "this machine");
	const char *list = local ? "127.0.0.0/8 ::1" : "";
	bool more = false;

	for (size_t i = 0; i < r->rules.nnetworks; i++) {
		const struct opensmtpd_table *t = r->rules.networks[i];

		if (!is_trusted(r, OPENSMTPD_GROUPS + i, t->at, "the networks of a rule"))
			continue;
		list = add_networks(r, t, list);
		more = true;
	}
	if (!is_trusted(r, OPENSMTPD_AUTH, at, "users who log in") && r->listeners.logins)
		plan_note(p, at, "users who log in may not send elsewhere, and here they may: "
		    "leave [server] auth off");
	if (socket)
		list = plan_text(p, "%s%slocal", list, *list ? " " : "");
	if ((!socket || !local || more) && !plan_set(p, "server", "trusted", at, "%s", list))
		plan_stop(p, at, "the networks that may send anywhere cannot be written here: "
		    "write [server] trusted");
}

/* ---- domains ---- */

static void
add_domain(struct reading *r, struct slice name, bool local, struct plan_at at)
{
	for (size_t i = 0; i < r->ndomains; i++)
		if (slice_ieq(r->domains[i].name, name)) {
			r->domains[i].local |= local;
			return;
		}
	if (r->ndomains == DOMAINS_MAX)
		r->f.im->plan->failed = true;
	else
		r->domains[r->ndomains++] = (struct opensmtpd_domain){ name, local, at };
}

/* Each name of the rules, and those of this machine. */
static void
find_domains(struct reading *r)
{
	struct plan *p = r->f.im->plan;

	for (size_t i = 0; i < r->rules.n && !p->failed; i++) {
		const struct opensmtpd_rule *rule = &r->rules.list[i];

		if (rule->skipped)
			continue;
		if (rule->to == OPENSMTPD_FOR_LOCAL) {
			add_domain(r, SL("localhost"), true, rule->at);
			if (r->name)
				add_domain(r, slice_str(r->name), true, rule->at);
			else
				plan_stop(p, rule->at, "the full name of this host is unknown: "
				    "write a [route NAME] like that of localhost");
		}
		for (size_t k = 0; rule->names && k < rule->names->n && !p->failed; k++) {
			struct slice name = rule->names->rows[k].key;

			if (rule->to == OPENSMTPD_FOR_NAMES)
				name = opensmtpd_domain_of(name);
			if (slice_has_prefix(name, SL("*.")))
				name = slice_skip(name, 1);
			if (!slice_eq(name, SL("*")))
				add_domain(r, name, false, rule->at);
		}
	}
	add_domain(r, SL("*"), false, (struct plan_at){ r->f.path, 0 });
}

/* A file of the names that a rule is for. */
static void
set_names(struct reading *r, const char *section, const struct opensmtpd_domain *d,
    const struct opensmtpd_rule *rule)
{
	struct plan *p = r->f.im->plan;
	struct plan_file file = { .kind = PLAN_TEXT, .at = rule->at };
	const struct slice head = SL("# addresses, one in a line\n");
	struct buf b = { .cap = head.n };

	if (plan_get(p, section, "aliases")) {
		plan_stop(p, rule->at, "some names of %.*s are recipients, and here all aliases "
		    "of the domain are, too: write aliases of these names only", (int)d->name.n,
		    d->name.p);
		return;
	}
	for (size_t i = 0; i < rule->names->n; i++)
		if (slice_ieq(opensmtpd_domain_of(rule->names->rows[i].key), d->name))
			b.cap += rule->names->rows[i].key.n + 1;
	b.p = plan_room(p, b.cap);
	if (!b.p)
		return;
	buf_add(&b, head);
	for (size_t i = 0; i < rule->names->n; i++) {
		const struct slice name = rule->names->rows[i].key;

		if (!slice_ieq(opensmtpd_domain_of(name), d->name))
			continue;
		buf_add(&b, name);
		buf_chr(&b, '\n');
	}
	file.content = b.p;
	if (plan_get(p, section, "recipients"))
		plan_note(p, rule->at, "the names of %.*s are recipients, also if there are no "
		    "such users", (int)d->name.n, d->name.p);
	if (*r->actions.delimiter)
		(void)plan_set(p, section, "subaddress", rule->at, "%s", r->actions.delimiter);
	(void)plan_set(p, section, "recipients", rule->at, "%s",
	    plan_add_file(p, plan_copy(p, d->name), "recipients", &file));
}

/* Stop if strangers and trusted clients, or names of the domain, have ways that a [route] cannot
 * have. */
static void
check_results(struct reading *r, const struct opensmtpd_domain *d,
    const struct opensmtpd_result *s, const struct opensmtpd_result *t)
{
	struct plan *p = r->f.im->plan;
	const struct opensmtpd_result *way = s->rule ? s : t;
	const struct plan_at at = way->rule ? way->rule->at : d->at;
	const int n = d->name.n < 200 ? (int)d->name.n : 200;
	const bool rest = way->names && way->rest && way->rule &&
	    !slice_eq(way->rest->action, way->rule->action);

	if (s->rule && slice_eq(d->name, SL("*")))
		plan_stop(p, at, "strangers could send to all domains by this rule: [route *] is "
		    "for trusted clients only: write a [route] for each domain of this host");
	else if (s->mixed || t->mixed || rest)
		plan_stop(p, at, "the names of %.*s have several ways: a [route] has one for a "
		    "domain: give some of them a domain of their own", n, d->name.p);
	else if (s->rule && s->names && !s->rest && t->names && s->rule == t->rule)
		plan_note(p, at, "mail of trusted clients for other names of %.*s is refused",
		    n, d->name.p);
	else if (s->rule && !opensmtpd_rules_same(s, t))
		plan_stop(p, at, "mail of strangers for %.*s has this way, and that of other "
		    "clients another one: a [route] has one for all: see whether it is right", n,
		    d->name.p);
}

/* Is the name of this machine a domain like all others? */
static bool
is_usual(const struct reading *r, size_t i, const struct opensmtpd_result *s,
    const struct opensmtpd_result *t)
{
	const struct opensmtpd_result all = find(r, r->trusted, r->ndomains - 1);

	for (size_t k = 0; k < r->ndomains; k++)
		if (slice_has_prefix(r->domains[k].name, SL(".")))
			return false;
	return r->domains[i].local && !s->rule && opensmtpd_rules_same(t, &all);
}

/* Set the way of one domain, by the action of the rule. */
static void
set_way(struct reading *r, const char *section, const struct opensmtpd_domain *d,
    const struct opensmtpd_rule *rule)
{
	struct plan *p = r->f.im->plan;
	const struct opensmtpd_action *action = opensmtpd_actions_find(&r->actions, rule->action);

	if (!action)
		(void)plan_hold(p, section, rule->at, "there is no action of this name");
	else if (slice_eq(d->name, SL("*")) && action->way != OPENSMTPD_RELAY)
		(void)plan_hold(p, section, rule->at, "mail for all other domains had mailboxes "
		    "here: write a [route] for each domain");
	else
		opensmtpd_ways_set(&r->actions, action, section, d->name, rule->at);
	if (!plan_get(p, section, "via"))
		plan_stop(p, rule->at, "there can be no [%.200s]: decide where this mail goes",
		    section);
}

/* The names of names have the way of all below a domain here. */
static void
decide_depth(struct reading *r, const char *section, const struct opensmtpd_domain *d,
    const struct opensmtpd_rule *rule)
{
	struct plan *p = r->f.im->plan;
	const int n = d->name.n < 200 ? (int)d->name.n : 200;

	if (rule)
		plan_stop(p, rule->at, "[%.200s] is for a.b%.*s, too, and a * of OpenSMTPD stands "
		    "for one name: see whether such mail may go this way", section, n, d->name.p);
	else
		plan_note(p, d->at, "mail for a.b%.*s is refused, too: a * of OpenSMTPD stands for "
		    "one name", n, d->name.p);
}

static void
set_domain(struct reading *r, size_t i)
{
	struct plan *p = r->f.im->plan;
	const struct opensmtpd_domain *d = &r->domains[i];
	const struct opensmtpd_result s = find(r, OPENSMTPD_STRANGER, i);
	const struct opensmtpd_result t = find(r, r->trusted, i);
	const struct opensmtpd_result *way = s.rule ? &s : &t;
	const bool all = slice_eq(d->name, SL("*"));
	const char *section = plan_text(p, "route %.*s", (int)d->name.n, d->name.p);

	if (is_usual(r, i, &s, &t))
		return;
	if (plan_get(p, section, "via")) {
		plan_stop(p, d->at, "[%.200s] is the section of another domain of the rules, too: "
		    "see which of them is right", section);
		return;
	}
	check_results(r, d, &s, &t);
	if (!way->rule)
		(void)plan_set(p, section, "via", d->at, "reject:%s",
		    all ? "mail for other domains is not sent" :
		    "mail for this domain is not taken");
	else
		set_way(r, section, d, way->rule);
	if (d->name.p[0] == '.')
		decide_depth(r, section, d, way->rule);
	if (!way->rule || !plan_get(p, section, "via"))
		return;
	if (!all)
		(void)plan_set(p, section, "accept", way->rule->at, "%s",
		    s.rule ? "anyone" : "trusted");
	if (way->names && !(way->rest && slice_eq(way->rest->action, way->rule->action)))
		set_names(r, section, d, way->rule);
}

/* ---- all of it ---- */

static void
set_name(struct reading *r)
{
	struct import *im = r->f.im;
	const char *name = text_first_line(im, "/etc/mailname");

	if (name)
		local_hostname(im, name, (struct plan_at){ "/etc/mailname", 1 });
	else if (r->listeners.greeting.n)
		local_hostname(im, plan_copy(im->plan, r->listeners.greeting),
		    (struct plan_at){ r->f.path, 0 });
	if (name && r->listeners.greeting.n && !slice_ieq(r->listeners.greeting, slice_str(name)))
		plan_note(im->plan, (struct plan_at){ r->f.path, 0 }, "a listener has another "
		    "hostname than /etc/mailname: here greetings have the latter");
	r->name = name ? name : local_name(im);
}

/* Is it a file of OpenSMTPD before 6.4? */
static bool
is_old(const struct opensmtpd_file *f)
{
	static const char *const words[] = { "accept", "reject", "limit", "expire",
		"max-message-size" };
	struct opensmtpd_line l;

	for (size_t i = 0; opensmtpd_statement(f, &i, &l);)
		for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
			const struct plan_at at = l.word->at;

			if (!opensmtpd_take(&l, words[k]))
				continue;
			plan_stop(f->im->plan, at, "this is the syntax of OpenSMTPD before 6.4 "
			    "(%s), which is not read, so nothing is translated: write the file as "
			    "a newer smtpd wants it, check it by  smtpd -n -f FILE, and import "
			    "that", words[k]);
			return true;
		}
	return false;
}

/* Call a function for all statements, or for those that begin with a word. */
static void
for_statements(struct reading *r, const char *keyword,
    void (*call)(struct reading *, struct opensmtpd_line *))
{
	struct opensmtpd_line l;

	for (size_t i = 0; !r->f.im->plan->failed && opensmtpd_statement(&r->f, &i, &l);)
		if (!keyword || opensmtpd_take(&l, keyword))
			call(r, &l);
}

static void
add_table(struct reading *r, struct opensmtpd_line *l)
{
	const struct plan_at at = l->word->at;

	if (!opensmtpd_table_add(&r->f, l))
		plan_stop(r->f.im->plan, at, "the table of line %u of %.200s cannot be read: see "
		    "the lines that have it", at.line, at.file);
}

static void
set_all(struct reading *r)
{
	for_statements(r, "table", add_table);
	opensmtpd_listeners_read(&r->listeners, &r->f);
	r->rules.tag = r->listeners.tag;
	r->rules.closed = r->listeners.closed;
	r->rules.closed_here = r->listeners.closed_here;
	for_statements(r, NULL, set_other);
	set_name(r);
	find_domains(r);
	if (r->f.im->plan->failed)
		return;
	r->trusted = find_trusted(r);
	if (r->trusted != OPENSMTPD_STRANGER)
		set_trusted(r);
	for (size_t i = 0; i < r->ndomains && !r->f.im->plan->failed; i++)
		set_domain(r, i);
	opensmtpd_ways_settle(&r->actions);
	opensmtpd_listeners_note(&r->listeners, &r->f);
}

void
import_opensmtpd(struct import *im, const char *file, struct slice text)
{
	struct reading r = { .domains = calloc(DOMAINS_MAX, sizeof *r.domains) };

	if (!r.domains)
		im->plan->failed = true;
	if (r.domains && opensmtpd_file_read(&r.f, im, file, text) && !is_old(&r.f) &&
	    opensmtpd_actions_init(&r.actions, &r.f) && opensmtpd_rules_init(&r.rules, &r.f))
		set_all(&r);
	opensmtpd_rules_done(&r.rules);
	opensmtpd_actions_done(&r.actions);
	opensmtpd_file_done(&r.f);
	free(r.domains);
}
