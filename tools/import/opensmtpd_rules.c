// SPDX-License-Identifier: ISC
/*
 * The conditions of "match", and what they give for each group of clients and each domain.  In
 * doubt a rule gives nothing, and nothing starts until the operator has decided.
 */
#include "tools/import/opensmtpd_rules.h"

#include <stdlib.h>

#include "base/cidr.h"

bool
opensmtpd_rules_init(struct opensmtpd_rules *r, struct opensmtpd_file *f)
{
	*r = (struct opensmtpd_rules){ .f = f,
		.list = calloc(OPENSMTPD_RULES_MAX, sizeof *r->list),
		.networks = calloc(OPENSMTPD_RULES_MAX, sizeof(struct opensmtpd_table *)) };
	if (!r->list || !r->networks)
		f->im->plan->failed = true;
	return r->list && r->networks;
}

void
opensmtpd_rules_done(struct opensmtpd_rules *r)
{
	free(r->list);
	free(r->networks);
}

/* ---- conditions ---- */

/* A condition of a client or a message that our programs have no setting for. */
static void
skip_rule(struct opensmtpd_rules *r, struct opensmtpd_rule *rule, const char *what)
{
	rule->skipped = true;
	plan_stop(r->f->im->plan, rule->at, "the rule of line %u of %.200s is left out: it has a "
	    "condition by %s, and there is none here: write what it is to do into the [route]s, or "
	    "leave it to a filter (milter)", rule->at.line, rule->at.file, what);
}

/* Skip the value of a condition: [regex] TABLE. */
static void
skip_value(struct opensmtpd_rules *r, struct opensmtpd_line *l)
{
	(void)opensmtpd_take(l, "regex");
	(void)opensmtpd_take_table(r->f, l);
}

/* Take a table, each row of which is compared as it is.  NULL: there is none, after a note. */
static const struct opensmtpd_table *
take_list(struct opensmtpd_rules *r, struct opensmtpd_rule *rule, struct opensmtpd_line *l,
    const char *what)
{
	const struct opensmtpd_table *t;

	if (opensmtpd_take(l, "regex")) {
		skip_value(r, l);
		skip_rule(r, rule, "a regular expression");
		return NULL;
	}
	t = opensmtpd_take_table(r->f, l);
	if (!t || t->lacking) {
		rule->skipped = true;
		plan_stop(r->f->im->plan, rule->at, "the rule of line %u of %.200s is left out: "
		    "its table of %s cannot be read: write a [route] for each domain of the rule, "
		    "and the networks into [server] trusted", rule->at.line, rule->at.file, what);
		return NULL;
	}
	return t;
}

/* Is there a network that has all addresses of the family? */
static bool
has_all(const struct opensmtpd_table *t, int family)
{
	struct cidr net;

	for (size_t i = 0; i < t->n; i++)
		if (cidr_parse(t->rows[i].whole, &net) && net.family == family && net.bits == 0)
			return true;
	return false;
}

static bool
has_group(const struct opensmtpd_rules *r, const struct opensmtpd_table *t)
{
	for (size_t i = 0; i < r->nnetworks; i++)
		if (r->networks[i] == t)
			return true;
	return false;
}

static void
take_networks(struct opensmtpd_rules *r, struct opensmtpd_rule *rule, struct opensmtpd_line *l)
{
	const struct opensmtpd_table *t = take_list(r, rule, l, "networks");

	rule->from = OPENSMTPD_FROM_NETWORKS;
	rule->networks = t;
	if (!t)
		return;
	if (has_all(t, AF_INET) && has_all(t, AF_INET6))
		rule->from = OPENSMTPD_FROM_ANY;
	else if (has_all(t, AF_INET) || has_all(t, AF_INET6))
		skip_rule(r, rule, "all addresses of one family");
	else if (!has_group(r, t))
		r->networks[r->nnetworks++] = t;
}

/* Conditions that no [route] has, with the name that the note gives them. */
static const struct { const char *word, *what; } skipped[] = {
	{ "helo", "the name in EHLO" }, { "mail-from", "the sender" },
	{ "rdns", "the client's name in the DNS" },
};

/* Take one of them.  False: it is another word. */
static bool
take_skipped(struct opensmtpd_rules *r, struct opensmtpd_rule *rule, struct opensmtpd_line *l)
{
	static const char *const next[] = { "for", "from", "auth", "helo", "mail-from", "rcpt-to",
		"tag", "tls", "action", "reject" };

	for (size_t i = 0; i < sizeof skipped / sizeof skipped[0]; i++) {
		bool value = true;

		if (!opensmtpd_take(l, skipped[i].word))
			continue;
		for (size_t k = 0; k < sizeof next / sizeof next[0]; k++) {
			struct opensmtpd_line copy = *l;

			value &= !opensmtpd_take(&copy, next[k]) &&
			    !opensmtpd_take_sign(&copy, '!');
		}
		if (value)
			skip_value(r, l);
		skip_rule(r, rule, skipped[i].what);
		return true;
	}
	return false;
}

/* A list of users behind "auth": only some may. */
static void
take_users(struct opensmtpd_rules *r, struct opensmtpd_rule *rule, struct opensmtpd_line *l)
{
	const bool table = opensmtpd_has_table(l) || l->word->kind == OPENSMTPD_QUOTED;

	if (!table && !opensmtpd_take(l, "regex"))
		return;
	skip_value(r, l);
	skip_rule(r, rule, "the names of users");
}

static bool
take_from(struct opensmtpd_rules *r, struct opensmtpd_rule *rule, struct opensmtpd_line *l,
    int sign)
{
	rule->from_sign = sign;
	if (opensmtpd_take(l, "any")) {
		rule->from = OPENSMTPD_FROM_ANY;
	} else if (opensmtpd_take(l, "local")) {
		rule->from = OPENSMTPD_FROM_LOCAL;
	} else if (opensmtpd_take(l, "socket")) {
		rule->from = OPENSMTPD_FROM_SOCKET;
	} else if (opensmtpd_take(l, "src")) {
		take_networks(r, rule, l);
	} else if (opensmtpd_take(l, "auth")) {
		rule->from = OPENSMTPD_FROM_ANY;
		rule->from_sign = 1;
		rule->auth = sign;
		take_users(r, rule, l);
	} else {
		return take_skipped(r, rule, l);
	}
	return true;
}

/* "*" or "*.example.org" are the only forms of a domain that a [route] can have. */
static bool
is_plain(struct slice name)
{
	if (slice_eq(name, SL("*")))
		return true;
	if (slice_has_prefix(name, SL("*.")))
		name = slice_skip(name, 2);
	return name.n > 0 && !memchr(name.p, '*', name.n);
}

static void
take_domains(struct opensmtpd_rules *r, struct opensmtpd_rule *rule, struct opensmtpd_line *l)
{
	const struct opensmtpd_table *t = take_list(r, rule, l, "domains");

	rule->to = OPENSMTPD_FOR_DOMAINS;
	rule->names = t;
	for (size_t i = 0; t && i < t->n; i++)
		if (!is_plain(t->rows[i].key)) {
			skip_rule(r, rule, "a pattern of domains");
			return;
		}
}

/* Whole addresses, each of a domain. */
static void
take_names(struct opensmtpd_rules *r, struct opensmtpd_rule *rule, struct opensmtpd_line *l,
    int sign)
{
	const struct opensmtpd_table *t = take_list(r, rule, l, "recipients");

	rule->to = OPENSMTPD_FOR_NAMES;
	rule->to_sign = 1;
	rule->names = t;
	for (size_t i = 0; t && i < t->n; i++) {
		const struct slice name = t->rows[i].key;
		const struct slice domain = opensmtpd_domain_of(name);

		if (domain.n == 0 || domain.n + 1 == name.n || memchr(name.p, '*', name.n)) {
			skip_rule(r, rule, "recipients that are no addresses");
			return;
		}
	}
	if (sign < 0)
		skip_rule(r, rule, "all recipients but some");
}

static bool
take_for(struct opensmtpd_rules *r, struct opensmtpd_rule *rule, struct opensmtpd_line *l,
    int sign)
{
	rule->to_sign = sign;
	if (opensmtpd_take(l, "any"))
		rule->to = OPENSMTPD_FOR_ANY;
	else if (opensmtpd_take(l, "local"))
		rule->to = OPENSMTPD_FOR_LOCAL;
	else if (opensmtpd_take(l, "domain"))
		take_domains(r, rule, l);
	else if (opensmtpd_take(l, "rcpt-to"))
		take_names(r, rule, l, sign);
	else
		return false;
	return true;
}

/* A tag of listeners is a login, if all that demand one have it, and no others. */
static void
take_tag(struct opensmtpd_rules *r, struct opensmtpd_rule *rule, struct opensmtpd_line *l,
    int sign)
{
	struct slice tag;
	const bool regex = opensmtpd_take(l, "regex");

	if (opensmtpd_take_sign(l, '<'))
		(void)opensmtpd_take_word(l, &tag), (void)opensmtpd_take_sign(l, '>'), tag = SL("");
	else if (!opensmtpd_take_word(l, &tag))
		tag = SL("");
	if (!regex && tag.n && slice_ieq(tag, r->tag))
		rule->auth = sign;
	else
		skip_rule(r, rule, "the tag of a listener");
}

/* Take one condition.  False: it is none that is known. */
static bool
take_condition(struct opensmtpd_rules *r, struct opensmtpd_rule *rule, struct opensmtpd_line *l)
{
	const int sign = opensmtpd_take_sign(l, '!') ? -1 : 1;

	if (opensmtpd_take(l, "from"))
		return take_from(r, rule, l, sign);
	if (opensmtpd_take(l, "for"))
		return take_for(r, rule, l, sign);
	if (opensmtpd_take(l, "auth")) {
		rule->auth = sign;
		take_users(r, rule, l);
		return true;
	}
	if (opensmtpd_take(l, "tag")) {
		take_tag(r, rule, l, sign);
		return true;
	}
	if (opensmtpd_take(l, "tls")) {
		skip_rule(r, rule, "TLS");
		return true;
	}
	if (opensmtpd_take(l, "rcpt-to")) {
		skip_value(r, l);
		skip_rule(r, rule, "the recipient beside that of the domain");
		return true;
	}
	return take_skipped(r, rule, l);
}

/* Clients that may do less than others, and names that are refused, are none of ours. */
static void
check_refusals(struct opensmtpd_rules *r, struct opensmtpd_rule *rule)
{
	if (rule->skipped)
		return;
	if (rule->from == OPENSMTPD_FROM_NETWORKS && (rule->reject || rule->from_sign < 0))
		skip_rule(r, rule, "networks that may do less than others");
	else if (rule->to == OPENSMTPD_FOR_NAMES && rule->reject)
		skip_rule(r, rule, "recipients that are refused");
}

void
opensmtpd_rules_add(struct opensmtpd_rules *r, struct opensmtpd_line *l)
{
	struct opensmtpd_rule rule = { .at = l->word->at, .from_sign = 1, .to_sign = 1 };
	bool known = true;

	while (known && !(rule.reject = opensmtpd_take(l, "reject")) &&
	    !opensmtpd_take(l, "action"))
		known = take_condition(r, &rule, l);
	if (!known || (!rule.reject && !opensmtpd_take_word(l, &rule.action)) ||
	    !opensmtpd_at_end(l)) {
		plan_stop(r->f->im->plan, rule.at, "the rule of line %u of %.200s is left out: its "
		    "syntax is not that of OpenSMTPD 6.4 and later: write what it is to do into "
		    "the [route]s", rule.at.line, rule.at.file);
		return;
	}
	check_refusals(r, &rule);
	if (r->n == OPENSMTPD_RULES_MAX)
		r->f->im->plan->failed = true;
	else
		r->list[r->n++] = rule;
}

/* ---- results ---- */

struct slice
opensmtpd_domain_of(struct slice address)
{
	const char *at = address.n ? memrchr(address.p, '@', address.n) : NULL;

	return at ? slice_skip(address, (size_t)(at - address.p) + 1) : SL("");
}

/* Has the table an address of this machine by which its programs send? */
static bool
has_loopback(const struct opensmtpd_table *t)
{
	struct cidr net, here;

	for (size_t i = 0; i < t->n; i++)
		if (slice_eq(t->rows[i].whole, SL("local")) ||
		    (cidr_parse(t->rows[i].whole, &net) &&
		    ((cidr_parse(SL("127.0.0.1"), &here) && cidr_overlap(&net, &here)) ||
		    (cidr_parse(SL("::1"), &here) && cidr_overlap(&net, &here)))))
			return true;
	return false;
}

static bool
matches_client(const struct opensmtpd_rules *r, const struct opensmtpd_rule *rule, size_t group)
{
	const bool here = group == OPENSMTPD_LOCAL || group == OPENSMTPD_SOCKET;
	bool found = false;

	switch (rule->from) {
	case OPENSMTPD_FROM_ANY:
		found = true;
		break;
	case OPENSMTPD_FROM_LOCAL:
		found = here;
		break;
	case OPENSMTPD_FROM_SOCKET:
		found = group == OPENSMTPD_SOCKET;
		break;
	case OPENSMTPD_FROM_NETWORKS:
		found = here ? has_loopback(rule->networks) :
		    group >= OPENSMTPD_GROUPS &&
		    r->networks[group - OPENSMTPD_GROUPS] == rule->networks;
		break;
	}
	return found == (rule->from_sign > 0) &&
	    (rule->auth == 0 || (rule->auth > 0) == (group == OPENSMTPD_AUTH));
}

/* Is it the domain, or a pattern that has it?  A * stands for one name, without a dot. */
static bool
matches_name(struct slice pattern, struct slice domain)
{
	struct slice rest;

	if (slice_eq(pattern, SL("*")))
		return true;
	if (!slice_has_prefix(pattern, SL("*.")))
		return slice_ieq(pattern, domain);
	(void)slice_cut(domain, '.', &rest);
	return rest.n > 0 && slice_ieq(slice_skip(pattern, 2), rest);
}

static bool
matches_domain(const struct opensmtpd_rule *rule, const struct opensmtpd_domain *d)
{
	bool found = rule->to == OPENSMTPD_FOR_ANY ||
	    (rule->to == OPENSMTPD_FOR_LOCAL && d->local);

	for (size_t i = 0; rule->names && i < rule->names->n && !found; i++)
		found = rule->to == OPENSMTPD_FOR_NAMES ?
		    slice_ieq(opensmtpd_domain_of(rule->names->rows[i].key), d->name) :
		    matches_name(rule->names->rows[i].key, d->name);
	return found == (rule->to_sign > 0);
}

struct opensmtpd_result
opensmtpd_rules_find(const struct opensmtpd_rules *r, size_t group,
    const struct opensmtpd_domain *d)
{
	struct opensmtpd_result result = { 0 };

	if ((r->closed && (group == OPENSMTPD_STRANGER || group >= OPENSMTPD_GROUPS)) ||
	    (r->closed_here && group == OPENSMTPD_LOCAL))
		return result;
	for (size_t i = 0; i < r->n; i++) {
		const struct opensmtpd_rule *rule = &r->list[i];
		const struct opensmtpd_rule *taken = rule->reject ? NULL : rule;

		if (rule->skipped || !matches_client(r, rule, group) || !matches_domain(rule, d))
			continue;
		if (!result.names)
			result.rule = taken;
		else if (rule->to == OPENSMTPD_FOR_NAMES)
			result.mixed = true;
		if (rule->to != OPENSMTPD_FOR_NAMES) {
			result.rest = taken;
			return result;
		}
		result.names = true;
	}
	return result;
}

/* Do two rules, or none, have the same action? */
static bool
same_action(const struct opensmtpd_rule *a, const struct opensmtpd_rule *b)
{
	return a && b ? slice_eq(a->action, b->action) : a == b;
}

bool
opensmtpd_rules_same(const struct opensmtpd_result *a, const struct opensmtpd_result *b)
{
	return same_action(a->rule, b->rule) && same_action(a->rest, b->rest) &&
	    a->names == b->names && a->mixed == b->mixed && (!a->names || a->rule == b->rule ||
	    (a->rule && b->rule && a->rule->names == b->rule->names));
}
