// SPDX-License-Identifier: ISC
/*
 * update-exim4.conf.conf(5), from which Debian makes the configuration of Exim, and the files
 * beside it: passwd.client, exim4.conf.localmacros and hubbed_hosts.
 */
#include "base/cidr.h"
#include "tools/import/local.h"
#include "tools/import/senders.h"
#include "tools/import/smarthost.h"
#include "tools/import/text.h"

#define DOMAINS	   "write a [route] for each domain: smtp-handler.conf(5)"

static const struct text_advice others[] = {
	{ "dc_minimaldns", NULL }, { "CFILEMODE", NULL }, { "dc_use_split_config", NULL },
	{ "exim_path", NULL },
	{ NULL, NULL },
};

enum {
	TYPE, NAMES, INTERFACES, READHOST, NETS, SMARTHOST, HIDE, MAILNAME, DELIVERY, RELAYED,
	VALUES
};

static const char *const names[VALUES] = {
	[TYPE] = "dc_eximconfig_configtype", [NAMES] = "dc_other_hostnames",
	[INTERFACES] = "dc_local_interfaces", [READHOST] = "dc_readhost",
	[NETS] = "dc_relay_nets", [SMARTHOST] = "dc_smarthost", [HIDE] = "dc_hide_mailname",
	[MAILNAME] = "dc_mailname_in_oh", [DELIVERY] = "dc_localdelivery",
	[RELAYED] = "dc_relay_domains",
};

struct value {
	struct slice text;
	unsigned line;
};

struct reading {
	struct import *im;
	const char *file;
	struct value values[VALUES];
	bool implicit;		/* TLS from the first octet */
};

static struct plan_at
place_of(const struct reading *r, int i)
{
	return (struct plan_at){ r->file, r->values[i].line };
}

static bool
is(const struct reading *r, int i, const char *text)
{
	return slice_eq(r->values[i].text, slice_str(text));
}

/* The value without its quotes. */
static struct slice
plain_value(struct slice s)
{
	s = slice_trim(s);
	if (s.n > 1 && (s.p[0] == '\'' || s.p[0] == '"') && s.p[s.n - 1] == s.p[0])
		s = slice_of(s.p + 1, s.n - 2);
	return slice_trim(s);
}

static void
take_setting(struct reading *r, struct slice name, struct slice text, unsigned line)
{
	const struct plan_at at = { r->file, line };

	for (int i = 0; i < VALUES; i++)
		if (slice_eq(name, slice_str(names[i]))) {
			r->values[i] = (struct value){ text, line };
			return;
		}
	if (text.n && !text_advise(r->im->plan, at, others, name))
		plan_untranslated(r->im->plan, at, name, "this setting of Debian's Exim is "
		    "unknown");
}

/* A list with ';' between its words, or else with ':', which is then doubled within a word. */
struct list {
	struct slice rest;
	char separator;
};

static struct list
list_of(const struct reading *r, int i)
{
	struct slice text = r->values[i].text;

	if (slice_has_prefix(text, SL("<;")))
		text = slice_skip(text, 2);
	return (struct list){ text, text.n && memchr(text.p, ';', text.n) ? ';' : ':' };
}

/* The next word.  Empty at the end. */
static struct slice
next_word(struct plan *p, struct list *l)
{
	struct buf b = { .p = plan_copy(p, l->rest), .cap = l->rest.n };

	while (l->rest.n) {
		const char c = l->rest.p[0];
		const bool twice = c == ':' && l->rest.n > 1 && l->rest.p[1] == ':';

		l->rest = slice_skip(l->rest, twice && l->separator == ':' ? 2 : 1);
		if (c != l->separator || twice)
			buf_chr(&b, c);
		else if (slice_trim(buf_slice(&b)).n)
			break;
		else
			b.n = 0;
	}
	return slice_trim(buf_slice(&b));
}

static void
read_settings(struct reading *r, struct slice text)
{
	struct text_lines lines = text_lines(text);
	struct slice line, value;

	while (text_next(&lines, &line)) {
		const struct slice name = slice_trim(slice_cut(line, '=', &value));

		take_setting(r, name, plain_value(value), lines.line);
	}
}

/* Macros that change the configuration. */
static void
read_macros(struct reading *r)
{
	const char *file = text_beside(r->im, r->file, "exim4.conf.localmacros");
	struct text_lines lines;
	struct slice text, line, value;

	lines = text_lines(r->im->read(r->im, file, &text) ? text : SL(""));
	while (text_next(&lines, &line)) {
		const struct slice name = slice_trim(slice_cut(line, '=', &value));

		value = slice_trim(value);
		if (slice_eq(name, SL("REMOTE_SMTP_SMARTHOST_PROTOCOL")) &&
		    slice_eq(value, SL("smtps")))
			r->implicit = true;
		else
			plan_untranslated(r->im->plan, (struct plan_at){ file, lines.line }, name,
			    "look for its subject in smtp-handler.conf(5)");
	}
}

/* ---- the smarthost ---- */

/* HOST:USER:PASSWORD; a host may be "*", or begin with it. */
static void
take_login(const struct reading *r, struct smarthost *s)
{
	const char *file = text_beside(r->im, r->file, "passwd.client");
	const struct slice host = slice_str(s->host);
	struct text_lines lines;
	struct slice text, line, rest, key;

	lines = text_lines(r->im->read(r->im, file, &text) ? text : SL(""));
	while (!s->user && text_next(&lines, &line)) {
		key = slice_trim(slice_cut(line, ':', &rest));
		if (slice_has_prefix(key, SL("*"))) {
			key = slice_skip(key, 1);
			if (key.n > host.n ||
			    !slice_ieq(slice_skip(host, host.n - key.n), key))
				continue;
		} else if (!slice_ieq(key, host)) {
			continue;
		}
		s->user = plan_copy(r->im->plan, slice_cut(slice_trim(rest), ':', &rest));
		s->password = rest.n ? plan_copy(r->im->plan, rest) : NULL;
		s->login_at = (struct plan_at){ file, lines.line };
		/* Debian's Exim sends passwords inside TLS only. */
		if (s->tls == SMARTHOST_ANY)
			s->tls = SMARTHOST_STARTTLS;
	}
}

/* HOST, HOST:PORT, [HOST]:PORT or an IPv6 address; a colon that is doubled in a list is one here.
 * The port is empty if there is none. */
static struct slice
cut_host(struct slice word, struct slice *ret_port)
{
	unsigned char ignored[16];
	struct slice host;

	*ret_port = SL("");
	if (ip_parse(AF_INET6, word, ignored))
		return word;
	if (slice_has_prefix(word, SL("["))) {
		host = slice_cut(slice_skip(word, 1), ']', ret_port);
		if (slice_has_prefix(*ret_port, SL(":")))
			*ret_port = slice_skip(*ret_port, 1);
	} else {
		host = slice_cut(word, ':', ret_port);
	}
	if (slice_has_prefix(*ret_port, SL(":")))
		*ret_port = slice_skip(*ret_port, 1);
	return host;
}

/* The first host of a list. */
static void
set_smarthost(const struct reading *r, const char *section)
{
	struct plan *p = r->im->plan;
	struct list list = list_of(r, SMARTHOST);
	struct slice word = next_word(p, &list), port;
	const struct plan_at at = place_of(r, SMARTHOST);
	struct smarthost s = { .at = at, .unverified = true };

	if (word.n == 0) {
		(void)plan_hold(p, section, at, "there is no dc_smarthost");
		return;
	}
	if (next_word(p, &list).n)
		plan_note(p, at, "a second host is left out: if it has the same TLS and login, add "
		    "it to via");
	s.host = plan_copy(p, cut_host(word, &port));
	s.tls = r->implicit ? SMARTHOST_IMPLICIT : SMARTHOST_ANY;
	s.port = r->implicit ? 465 : 25;
	if (port.n && !smarthost_port(port, &s.port))
		plan_note(p, at, "the port is no number: %u is used", s.port);
	take_login(r, &s);
	(void)smarthost_set(p, section, &s);
}

/* ---- this host ---- */

static void
set_networks(const struct reading *r)
{
	struct plan *p = r->im->plan;
	struct list list = list_of(r, NETS);
	struct slice word;
	const char *nets = "";

	while ((word = next_word(p, &list)).n)
		nets = plan_text(p, "%s%.*s ", nets, (int)word.n, word.p);
	if (*nets)
		(void)plan_set(p, "server", "trusted", place_of(r, NETS),
		    "127.0.0.0/8 ::1 %slocal", nets);
}

/* A domain of this host; its mail may go to a host of hubbed_hosts all the same. */
static void
set_domain(const struct reading *r, const char *name, const char *aliases, struct plan_at at)
{
	const char *section = plan_text(r->im->plan, "route %s", name);

	const char *via = plan_get(r->im->plan, section, "via");

	if (via && strncmp(via, "maildir:", 8) != 0)
		(void)plan_set(r->im->plan, section, "accept", at, "anyone");
	else if (!via)
		local_domain(r->im, name, "Maildir", aliases, at);
}

/* The name of this host is one of its domains, unless it is not to be. */
static void
set_domains(const struct reading *r)
{
	struct plan *p = r->im->plan;
	struct list list = list_of(r, NAMES);
	struct slice word;
	const char *mailname = text_first_line(r->im, "/etc/mailname");
	const struct plan_at at = place_of(r, NAMES);
	const char *aliases = local_aliases(r->im, "/etc/aliases", at);

	if (!is(r, DELIVERY, "maildir_home"))
		plan_note(p, place_of(r, DELIVERY), "mailboxes are Maildirs: new mail is in "
		    "~/Maildir and not in one file, so point the users' programs there");
	set_domain(r, "localhost", aliases, at);
	if (mailname && !is(r, MAILNAME, "false"))
		set_domain(r, mailname, aliases, place_of(r, MAILNAME));
	while ((word = next_word(p, &list)).n)
		if (memchr(word.p, '*', word.n) || memchr(word.p, '/', word.n))
			plan_stop(p, at, "%.*s: is not translated: " DOMAINS,
			    (int)(word.n < 100 ? word.n : 100), word.p);
		else
			set_domain(r, plan_copy(p, word), aliases, at);
}

/* The section of a domain, or of all below one; NULL: it is no domain. */
static const char *
section_of(struct plan *p, struct slice name)
{
	if (slice_has_prefix(name, SL("*.")))
		name = slice_skip(name, 1);
	if (name.n == 0 || memchr(name.p, '*', name.n) || strchr("!@/^+", name.p[0]) ||
	    memchr(name.p, ';', name.n))
		return NULL;
	return plan_text(p, "route %.*s", (int)name.n, name.p);
}

/* HOST:HOST of hubbed_hosts, in their order; NULL: a word is no host. */
static const char *
hosts_via(struct plan *p, struct slice text)
{
	struct slice rest, hosts = text_word(text, &rest), host;
	const char *via = "";

	/* "byname" and "bydns" find the same addresses. */
	if (hosts.n == 0 || strchr("<$", hosts.p[0]) || memchr(hosts.p, '/', hosts.n) ||
	    (rest.n && !slice_eq(rest, SL("byname")) && !slice_eq(rest, SL("bydns"))))
		return NULL;
	while (hosts.n) {
		host = slice_cut(hosts, ':', &hosts);
		if (host.n == 0)	/* a port, or an IPv6 address */
			return NULL;
		via = plan_text(p, "%s%ssmtp://%.*s", via, *via ? " " : "", (int)host.n, host.p);
	}
	return via;
}

static void
set_hub(struct plan *p, struct slice name, struct slice hosts, struct plan_at at)
{
	const char *section = section_of(p, name), *via = hosts_via(p, hosts);

	if (!section)
		plan_stop(p, at, "%.*s: is not translated: " DOMAINS,
		    (int)(name.n < 100 ? name.n : 100), name.p);
	else if (plan_get(p, section, "via"))
		return;		/* a line above */
	else if (!via || !plan_set(p, section, "via", at, "%s", via))
		(void)plan_hold(p, section, at, "the hosts %.*s cannot be written here",
		    (int)(hosts.n < 200 ? hosts.n : 200), hosts.p);
}

/* Domains whose mail goes to hosts of their own.  A pattern stands for its domain, too, if no line
 * has that (partial-lsearch). */
static void
set_hubbed(const struct reading *r, bool patterns)
{
	const char *file = text_beside(r->im, r->file, "hubbed_hosts");
	struct text_lines lines;
	struct slice text, line, hosts;

	lines = text_lines(r->im->read(r->im, file, &text) ? text : SL(""));
	while (text_next(&lines, &line)) {
		const struct plan_at at = { file, lines.line };
		struct slice name = slice_trim(slice_cut(line, ':', &hosts));
		const bool pattern = slice_has_prefix(name, SL("*."));

		if (pattern != patterns)
			continue;
		set_hub(r->im->plan, name, slice_trim(hosts), at);
		if (pattern)
			set_hub(r->im->plan, slice_skip(name, 2), slice_trim(hosts), at);
	}
}

/* Domains to which strangers may send: to hosts of their own, or as all other mail. */
static void
set_relayed(const struct reading *r)
{
	struct plan *p = r->im->plan;
	struct list list = list_of(r, RELAYED);
	const struct plan_at at = place_of(r, RELAYED);
	struct slice word;

	while ((word = next_word(p, &list)).n) {
		const char *via, *section = section_of(p, word);

		if (!section) {
			plan_stop(p, at, "%.*s: is not translated: " DOMAINS,
			    (int)(word.n < 100 ? word.n : 100), word.p);
			continue;
		}
		via = plan_get(p, section, "via");
		if (via && strncmp(via, "maildir:", 8) == 0)
			continue;	/* it is a domain of this host */
		if (!via && is(r, TYPE, "internet"))
			(void)plan_set(p, section, "via", at, "mx");
		else if (!via && is(r, TYPE, "local"))
			(void)plan_set(p, section, "via", at, "reject:mail for other domains is "
			    "not sent");
		else if (!via)
			set_smarthost(r, section);
		if (plan_get(p, section, "via") && !is(r, TYPE, "local"))
			(void)plan_set(p, section, "accept", at, "anyone");
	}
}

static void
set_name(const struct reading *r)
{
	const char *mailname = text_first_line(r->im, "/etc/mailname");

	if (mailname)
		local_hostname(r->im, mailname, (struct plan_at){ "/etc/mailname", 1 });
}

/* All mail of a satellite leaves it, and mail for its users goes to another domain. */
static void
note_satellite(const struct reading *r)
{
	if (r->values[READHOST].text.n)
		plan_untranslated(r->im->plan, place_of(r, READHOST), SL("dc_readhost"),
		    "give the addresses of users by aliases in a [route] of this host");
}

/* ---- senders ---- */

struct rewriting {
	const struct reading *r;
	struct senders senders;
	struct slice domain;	/* of mail that leaves; or empty */
	const char *names[100];	/* other names of this host */
	size_t n;
};

static void
add_name(struct rewriting *w, struct slice name)
{
	struct plan *p = w->r->im->plan;

	if (name.n == 0 || slice_ieq(name, senders_host(w->r->im)))
		return;
	for (size_t i = 0; i < w->n; i++)
		if (slice_ieq(slice_str(w->names[i]), name))
			return;
	if (w->n == sizeof w->names / sizeof w->names[0] || !section_of(p, name) ||
	    name.p[0] == '*')
		plan_note(p, place_of(w->r, NAMES), "senders at %.*s keep their address",
		    (int)(name.n < 100 ? name.n : 100), name.p);
	else
		w->names[w->n++] = plan_copy(p, name);
}

/* local_domains of Debian's Exim: its own name, localhost, and the list. */
static void
find_names(struct rewriting *w)
{
	const char *own = text_first_line(w->r->im, "/etc/hostname");
	struct list list = list_of(w->r, NAMES);
	struct slice word;

	add_name(w, SL("localhost"));
	if (own && strchr(own, '.'))
		add_name(w, slice_str(own));
	while ((word = next_word(w->r->im->plan, &list)).n)
		add_name(w, word);
}

/* Is it a domain of this host? */
static bool
is_ours(const struct rewriting *w, struct slice domain)
{
	for (size_t i = 0; i < w->n; i++)
		if (slice_ieq(slice_str(w->names[i]), domain))
			return true;
	return slice_ieq(domain, senders_host(w->r->im));
}

/* A line NAME: ADDRESS.  The address may be one of this host, which mail that leaves does not
 * have. */
static void
add_address(struct rewriting *w, struct plan_at at, struct slice name, struct slice address)
{
	struct plan *p = w->r->im->plan;
	struct slice domain, local = slice_cut(address, '@', &domain);

	if (w->domain.n && domain.n && is_ours(w, domain))
		address = slice_str(plan_text(p, "%.*s@%.*s", (int)local.n, local.p,
		    (int)w->domain.n, w->domain.p));
	if (!senders_add_user(&w->senders, at, name, address))
		return;
	for (size_t i = 0; i < w->n; i++)
		(void)senders_add(&w->senders, at, slice_str(plan_text(p, "%.*s@%s", (int)name.n,
		    name.p, w->names[i])), address);
}

/* The table of a lookup by lsearch: the name ends at a colon or a blank. */
static void
read_addresses(struct rewriting *w, const char *file)
{
	struct text_lines lines;
	struct slice text, line, rest, name;

	lines = text_lines(w->r->im->read(w->r->im, file, &text) ? text : SL(""));
	while (text_next(&lines, &line)) {
		size_t n = 0;

		while (n < line.n && line.p[n] != ':' && !ascii_blank(line.p[n]))
			n++;
		name = slice_of(line.p, n);
		rest = slice_trim(slice_skip(line, n));
		if (slice_has_prefix(rest, SL(":")))
			rest = slice_trim(slice_skip(rest, 1));
		add_address(w, (struct plan_at){ file, lines.line }, name, rest);
	}
}

/* The domain that hides the name of this host in mail that leaves it. */
static struct slice
hiding_domain(const struct reading *r)
{
	const struct slice domain = r->values[READHOST].text;

	if (!is(r, HIDE, "true"))
		return SL("");
	if (domain.n == 0)
		plan_untranslated(r->im->plan, place_of(r, HIDE), SL("dc_hide_mailname"),
		    "there is no dc_readhost");
	return domain;
}

/* All senders of this host get the other domain. */
static void
add_domain(struct rewriting *w, struct plan_at at)
{
	struct plan *p = w->r->im->plan;
	const struct slice address = slice_str(plan_text(p, "@%.*s", (int)w->domain.n,
	    w->domain.p));

	/* A line that gives all senders the address they have is none. */
	if (slice_ieq(w->domain, senders_host(w->r->im)) || senders_add(&w->senders, at, SL("*"),
	    address))
		for (size_t i = 0; i < w->n; i++)
			if (!slice_ieq(slice_str(w->names[i]), w->domain))
				(void)senders_add(&w->senders, at, slice_str(plan_text(p, "@%s",
				    w->names[i])), address);
}

static void
set_senders(const struct reading *r)
{
	static const char file[] = "/etc/email-addresses";
	struct rewriting w = { .r = r, .domain = hiding_domain(r) };
	const struct plan_at at = w.domain.n ? place_of(r, HIDE) : (struct plan_at){ file, 0 };
	struct slice ignored;

	if (!w.domain.n && !r->im->read(r->im, file, &ignored))
		return;
	senders_init(&w.senders, r->im);
	find_names(&w);
	read_addresses(&w, file);
	if (w.domain.n)
		add_domain(&w, at);
	if (!senders_end(&w.senders, at, false))
		return;
	plan_note(r->im->plan, at, SENDERS_CLIENTS);
	if (w.domain.n)
		plan_note(r->im->plan, at, "dc_hide_mailname: " SENDERS_STAY);
}

static void
note_interfaces(const struct reading *r)
{
	if (r->values[INTERFACES].text.n)
		plan_note(r->im->plan, place_of(r, INTERFACES), "the socket has the addresses: "
		    "type  systemctl edit smtp-handler-listen.socket  and write [Socket], "
		    "ListenStream= and a line ListenStream=ADDRESS:25 for each (the package "
		    "listens on 127.0.0.1 and ::1)");
}

void
import_exim(struct import *im, const char *file, struct slice text)
{
	struct reading r = { .im = im, .file = file };
	struct slice ignored;

	if (im->read(im, text_beside(im, file, "exim4.conf"), &ignored))
		plan_stop(im->plan, (struct plan_at){ text_beside(im, file, "exim4.conf"), 0 },
		    "Exim reads exim4.conf alone, and it is not translated: this is the result of "
		    "another file, which Exim did not use: see whether it is right");
	read_settings(&r, text);
	read_macros(&r);
	if (is(&r, TYPE, "none")) {
		plan_note(im->plan, place_of(&r, TYPE), "this Exim was not in use: there is "
		    "nothing to translate");
		return;
	}
	set_name(&r);
	set_networks(&r);
	set_hubbed(&r, false);
	set_hubbed(&r, true);
	if (is(&r, TYPE, "satellite"))
		note_satellite(&r);
	else
		set_domains(&r);
	set_relayed(&r);
	if (is(&r, TYPE, "smarthost") || is(&r, TYPE, "satellite"))
		set_smarthost(&r, "route *");
	else if (is(&r, TYPE, "local"))
		(void)plan_set(im->plan, "route *", "via", place_of(&r, TYPE),
		    "reject:mail for other domains is not sent");
	else if (!is(&r, TYPE, "internet"))
		(void)plan_hold(im->plan, "route *", place_of(&r, TYPE), "dc_eximconfig_configtype "
		    "is none of internet, smarthost, satellite, local and none");
	note_interfaces(&r);
	set_senders(&r);
}
