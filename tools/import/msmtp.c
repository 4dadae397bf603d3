// SPDX-License-Identifier: ISC
/*
 * msmtprc(5).  Our programs choose an account by the sender's address, so an account becomes a
 * [sender], and the default account becomes [route *].
 */
#include "tools/import/local.h"
#include "tools/import/senders.h"
#include "tools/import/smarthost.h"
#include "tools/import/text.h"

#define ACCOUNTS_MAX 100

enum command {
	HOST, PORT, PROTOCOL, SOCKET, TLS, STARTTLS, TRUST_FILE, CERTCHECK, AUTH, USER, PASSWORD,
	PASSWORDEVAL, FROM, AUTO_FROM, SET_FROM, ALLOW_FROM, DOMAIN, MAILDOMAIN, ALIASES,
	SOURCE_IP, COMMANDS
};

static const struct { const char *name; enum command id; } commands[] = {
	{ "host", HOST }, { "port", PORT }, { "protocol", PROTOCOL }, { "socket", SOCKET },
	{ "tls", TLS }, { "tls_starttls", STARTTLS }, { "tls_trust_file", TRUST_FILE },
	{ "tls_certcheck", CERTCHECK }, { "auth", AUTH }, { "user", USER },
	{ "password", PASSWORD }, { "passwordeval", PASSWORDEVAL }, { "from", FROM },
	{ "auto_from", AUTO_FROM }, { "set_from_header", SET_FROM },
	{ "allow_from_override", ALLOW_FROM }, { "domain", DOMAIN }, { "maildomain", MAILDOMAIN },
	{ "aliases", ALIASES }, { "source_ip", SOURCE_IP },
};

#define NO_FIELDS "the server adds Date and Message-ID where they are missing, and From is the user"

static const struct text_advice others[] = {
	{ "eval", "type the line that the command prints in its place, and import again" },
	{ "proxy_host", "there are no proxies: set up a route of the system" },
	{ "proxy_port", NULL },
	{ "timeout", "see connect-timeout and command-timeout in smtp-handler.conf(5)" },
	{ "ntlmdomain", "there is no NTLM: PLAIN or LOGIN is used" },
	{ "tls_fingerprint", "certificates are verified by their authority: set tls-ca-file" },
	{ "tls_crl_file", "there are no lists of revoked certificates" },
	{ "tls_key_file", "there are no client certificates: use a password" },
	{ "tls_cert_file", "there are no client certificates: use a password" },
	{ "tls_priorities", "TLS 1.2 and 1.3 with their good ciphers are used" },
	{ "tls_min_dh_prime_bits", "TLS 1.2 and 1.3 with their good ciphers are used" },
	{ "tls_host_override", "the certificate must be for the host: name it in via" },
	{ "from_full_name", "sendmail -F gives the full name" },
	{ "add_missing_from_header", NULL },
	{ "set_date_header", NO_FIELDS },
	{ "set_msgid_header", NO_FIELDS }, { "add_missing_date_header", NULL },
	{ "remove_bcc_headers", "Bcc is always removed" }, { "keepbcc", "Bcc is always removed" },
	{ "undisclosed_recipients", "To and Cc are never changed" },
	{ "dsn_notify", "give sendmail -N for each message" },
	{ "dsn_return", "give sendmail -R for each message" },
	{ "logfile", "the log is in the journal: journalctl -t smtp-relay" },
	{ "logfile_time_format", NULL }, { "syslog", NULL },
	{ NULL, NULL },
};

struct value {
	const char *text;	/* NULL: not set */
	unsigned line;
};

struct account {
	const char *name;
	struct value values[COMMANDS];
	unsigned line;
};

struct reading {
	struct import *im;
	const char *file;
	struct account defaults, accounts[ACCOUNTS_MAX];
	size_t n;
	struct account *now;
};

static struct plan_at
at_line(const struct reading *r, unsigned line)
{
	return (struct plan_at){ r->file, line };
}

/* ---- reading ---- */

static struct account *
find_account(struct reading *r, struct slice name)
{
	for (size_t i = 0; i < r->n; i++)
		if (slice_eq(slice_str(r->accounts[i].name), name))
			return &r->accounts[i];
	return NULL;
}

static void
inherit(struct reading *r, struct account *a, struct slice names)
{
	while (names.n) {
		const struct slice name = slice_trim(slice_cut(names, ',', &names));
		const struct account *from = find_account(r, name);

		if (!from || from == a) {
			plan_note(r->im->plan, at_line(r, a->line),
			    "there is no account %.*s above "
			    "this line", (int)(name.n < 60 ? name.n : 60), name.p);
			continue;
		}
		for (size_t i = 0; i < COMMANDS; i++)
			if (from->values[i].text)
				a->values[i] = from->values[i];
	}
}

static void
begin_account(struct reading *r, struct slice argument, unsigned line)
{
	struct slice names, name = slice_trim(slice_cut(argument, ':', &names));
	struct account *a;

	if (r->n == ACCOUNTS_MAX) {
		plan_note(r->im->plan, at_line(r, line),
		    "this account and those below are left out: "
		    "at most %d are read", ACCOUNTS_MAX);
		return;
	}
	a = &r->accounts[r->n];
	*a = r->defaults;
	a->name = plan_copy(r->im->plan, name);
	a->line = line;
	inherit(r, a, names);
	if (find_account(r, name))
		plan_note(r->im->plan, at_line(r, line), "there is an account of this name above: "
		    "this one is left out");
	else
		r->n++;
	r->now = a;
}

static void
take_command(struct reading *r, struct slice name, struct slice argument, unsigned line)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (!slice_eq(name, slice_str(commands[i].name)))
			continue;
		r->now->values[commands[i].id] =
		    (struct value){ plan_copy(r->im->plan, argument), line };
		return;
	}
	if (!text_advise(r->im->plan, at_line(r, line), others, name))
		plan_untranslated(r->im->plan, at_line(r, line), name,
		    "this command of msmtp is unknown");
}

static void
read_accounts(struct reading *r, struct slice text)
{
	struct text_lines lines = text_lines(text);
	struct slice line, argument, name;

	r->now = &r->defaults;
	while (text_next(&lines, &line)) {
		name = text_word(line, &argument);
		if (argument.n > 1 && argument.p[0] == '"' && argument.p[argument.n - 1] == '"')
			argument = slice_of(argument.p + 1, argument.n - 2);
		if (slice_eq(name, SL("defaults")))
			r->now = &r->defaults;
		else if (slice_eq(name, SL("account")))
			begin_account(r, argument, lines.line);
		else
			take_command(r, name, argument, lines.line);
	}
}

/* ---- translating ---- */

static const char *
text_of(const struct account *a, enum command id)
{
	const char *text = a->values[id].text;

	return text && *text ? text : NULL;
}

static struct plan_at
place_of(const struct reading *r, const struct account *a, enum command id)
{
	return at_line(r, a->values[id].line);
}

/* An empty argument is "on", too. */
static bool
is_on(const struct account *a, enum command id, bool fallback)
{
	const char *text = a->values[id].text;

	return text ? strcmp(text, "off") != 0 : fallback;
}

static void
take_login(const struct reading *r, const struct account *a, struct smarthost *s)
{
	const char *auth = text_of(a, AUTH);
	const bool token = auth &&
	    (strcmp(auth, "xoauth2") == 0 || strcmp(auth, "oauthbearer") == 0);

	/* Without the command there is no login. */
	if (!a->values[AUTH].text || !is_on(a, AUTH, false))
		return;
	if (auth && strcmp(auth, "on") != 0 && strcmp(auth, "plain") != 0 &&
	    strcmp(auth, "login") != 0 && !token)
		plan_untranslated(r->im->plan, place_of(r, a, AUTH), slice_str(auth),
		    "the login is by PLAIN or LOGIN, inside TLS");
	s->user = text_of(a, USER);
	s->login_at = place_of(r, a, USER);
	s->password = text_of(a, PASSWORD);
	/* A password counts more than a command, wherever they stand. */
	s->command = s->password ? NULL : text_of(a, PASSWORDEVAL);
	s->token = token && s->command;
	if (token && !s->command)
		plan_note(r->im->plan, place_of(r, a, AUTH), "a token needs a program: set "
		    "token-command in smtp-handler.conf(5)");
	if (!s->user)
		plan_note(r->im->plan, place_of(r, a, AUTH), "the login has no user: add the line "
		    "user, and import again");
}

/* False: the account has no host. */
static bool
describe(const struct reading *r, const struct account *a, struct smarthost *s)
{
	const char *port = text_of(a, PORT), *protocol = text_of(a, PROTOCOL);

	*s = (struct smarthost){ .host = text_of(a, HOST), .at = place_of(r, a, HOST) };
	if (!s->host)
		return false;
	if (is_on(a, TLS, false))
		s->tls = is_on(a, STARTTLS, true) ? SMARTHOST_STARTTLS : SMARTHOST_IMPLICIT;
	s->unverified = !is_on(a, CERTCHECK, true);
	s->lmtp = protocol && strcmp(protocol, "lmtp") == 0;
	s->port = s->tls == SMARTHOST_IMPLICIT ? 465 : 25;
	if (port && !smarthost_port(slice_str(port), &s->port))
		plan_note(r->im->plan, place_of(r, a, PORT), "the port is no number: %u is used",
		    s->port);
	take_login(r, a, s);
	return true;
}

static void
set_account(const struct reading *r, const struct account *a, const char *section)
{
	const char *socket = text_of(a, SOCKET);
	struct smarthost s;

	if (socket && !plan_set(r->im->plan, section, "via", place_of(r, a, SOCKET), "lmtp:%s",
	    text_path(r->im, slice_str(socket))))
		(void)plan_hold(r->im->plan, section, place_of(r, a, SOCKET),
		    "this socket cannot be written here");
	else if (!socket && describe(r, a, &s))
		(void)smarthost_set(r->im->plan, section, &s);
	else if (!socket)
		(void)plan_hold(r->im->plan, section, at_line(r, a->line),
		    "the account %.60s has no host", a->name ? a->name : "default");
}

/* The senders of an account that is not the default: "*@example.org" is a domain. */
static void
set_sender(const struct reading *r, const struct account *a)
{
	const char *from = text_of(a, FROM);
	struct plan *p = r->im->plan;

	if (from && strpbrk(from + (strncmp(from, "*@", 2) == 0 ? 2 : 0), "*?[%"))
		plan_untranslated(p, place_of(r, a, FROM), SL("from"), "a [sender] is one address "
		    "or a domain: write one for each");
	else if (!from)
		plan_note(p, at_line(r, a->line), "the account %.60s has no from, so nothing would "
		    "choose it: write a [sender ADDRESS] for it", a->name);
	else
		set_account(r, a, plan_text(p, "sender %s",
		    from + (strncmp(from, "*@", 2) == 0 ? 2 : 0)));
}

static void
set_common(const struct reading *r, const struct account *a)
{
	struct plan *p = r->im->plan;
	const char *trust = text_of(a, TRUST_FILE), *source = text_of(a, SOURCE_IP);
	const enum command name = text_of(a, MAILDOMAIN) ? MAILDOMAIN : DOMAIN;
	const char *host = text_of(a, name);

	if (trust && strcmp(trust, "system") != 0 &&
	    strcmp(trust, "/etc/ssl/certs/ca-certificates.crt") != 0)
		(void)plan_set(p, "relay", "tls-ca-file", place_of(r, a, TRUST_FILE), "%s",
		    text_path(r->im, slice_str(trust)));
	if (source)
		(void)plan_set(p, "relay", "bind", place_of(r, a, SOURCE_IP), "%s", source);
	if (host && strcmp(host, "localhost") != 0 && !strchr(host, '%'))
		local_hostname(r->im, host, place_of(r, a, name));
}

/* The alias `default` of msmtp stands for all names that have no alias. */
static void
note_default(const struct reading *r, const char *path, struct plan_at at)
{
	struct slice text, line, rest;
	struct text_lines lines = text_lines(r->im->read(r->im, path, &text) ? text : SL(""));

	while (text_next(&lines, &line))
		if (slice_ieq(slice_trim(slice_cut(line, ':', &rest)), SL("default")))
			plan_note(r->im->plan, at, "the alias default of %.200s, line %u, is for "
			    "the user "
			    "default alone: write a line for each user", path, lines.line);
}

/* Aliases of msmtp are for local parts alone, which get our host's name. */
static void
set_aliases(const struct reading *r, const struct account *a)
{
	struct plan *p = r->im->plan;
	const struct plan_at at = place_of(r, a, ALIASES);
	const char *path = text_of(a, ALIASES), *name, *section;

	if (!path)
		return;
	name = plan_get(p, "server", "hostname");
	if (!name)
		name = local_name(r->im);
	path = text_path(r->im, slice_str(path));
	note_default(r, path, at);
	path = local_aliases(r->im, path, at);
	if (!path)
		return;
	if (!name) {
		plan_note(p, at, "the aliases need the full name of this host: write  [route "
		    "NAME]  "
		    "with the lines of [route *] and  aliases = %s", path);
		return;
	}
	section = plan_text(p, "route %s", name);
	set_account(r, a, section);
	if (plan_get(p, section, "via"))
		(void)plan_set(p, section, "aliases", at, "%s", path);
}

/* Does one inherit from the other, or is it the same? */
static bool
is_same(const struct account *a, const struct account *b)
{
	return text_of(a, FROM) == text_of(b, FROM) && text_of(a, HOST) == text_of(b, HOST);
}

/* An account that inherits the sender of another one, but has another user. */
static void
note_hidden(const struct reading *r, const struct account *a, const struct account *chosen)
{
	if (text_of(a, USER) && text_of(a, USER) != text_of(chosen, USER))
		plan_note(r->im->plan, at_line(r, a->line), "the account %.60s has the sender of "
		    "another one, so nothing would choose it: it is left out", a->name);
}

/* Settings of another account that are those of all mail here. */
static void
note_common(const struct reading *r, const struct account *a, const struct account *chosen)
{
	static const struct { enum command id; const char *advice; } common[] = {
		{ TRUST_FILE, "tls-ca-file in [relay] is for all hosts" },
		{ SOURCE_IP, "bind in [relay] is for all hosts" },
		{ DOMAIN, "[server] hostname is for all hosts" },
		{ MAILDOMAIN, "[server] hostname is for all mail" },
		{ ALIASES, "the aliases of this host are those of the default account" },
	};

	for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
		const char *text = text_of(a, common[i].id), *all = text_of(chosen, common[i].id);

		for (size_t k = 0; text && k < sizeof commands / sizeof commands[0]; k++)
			if (commands[k].id == common[i].id && (!all || strcmp(text, all) != 0))
				plan_untranslated(r->im->plan, place_of(r, a, common[i].id),
				    slice_str(commands[k].name), common[i].advice);
	}
}

/* ---- the sender of all programs that give none ---- */

/* The address in our form, or NULL after a note.  %U is the user, so a domain is left. */
static const char *
default_sender(const struct reading *r, struct plan_at at, const char *from)
{
	struct plan *p = r->im->plan;
	const char *mailname = text_first_line(r->im, "/etc/mailname");

	if (strcmp(from, "%U@%M") == 0 && mailname)
		return plan_text(p, "@%s", mailname);
	if (strncmp(from, "%U@", 3) == 0 && !strpbrk(from + 3, "%*?["))
		return from + 2;
	if (!strpbrk(from, "%*?[") && from[0] != '@')
		return from;
	if (strcmp(from, "%U") != 0)
		plan_untranslated(p, at, SL("from"), "a user without another address is USER at "
		    "[server] hostname: set that, or " SENDERS_BY_HAND);
	return NULL;
}

/* Another account keeps its sender, also if that is an address of this host. */
static void
keep_sender(const struct reading *r, const struct account *a, struct senders *s)
{
	const struct slice from = slice_str(text_of(a, FROM) ? text_of(a, FROM) : "");
	const char *section = plan_text(r->im->plan, "sender %.*s", (int)from.n, from.p);
	const char *host = plan_get(r->im->plan, "server", "hostname");
	struct slice domain;

	(void)slice_cut(from, '@', &domain);
	if (domain.n && (!host || slice_ieq(domain, slice_str(host))) &&
	    plan_get(r->im->plan, section, "via"))
		(void)senders_add(s, place_of(r, a, FROM), from, from);
}

static void
note_fields(const struct reading *r, const struct account *a)
{
	const char *set = a->values[SET_FROM].text;

	if (set && (!*set || strcmp(set, "on") == 0))
		plan_untranslated(r->im->plan, place_of(r, a, SET_FROM), SL("set_from_header"),
		    "only addresses of masquerade are replaced in From: all others stay");
	if (!is_on(a, ALLOW_FROM, true))
		plan_untranslated(r->im->plan, place_of(r, a, ALLOW_FROM),
		    SL("allow_from_override"), "an address of sendmail -f counts, and gets another "
		    "by masquerade only");
}

static void
set_senders(const struct reading *r, const struct account *a)
{
	struct plan *p = r->im->plan;
	const struct plan_at at = place_of(r, a, FROM);
	const char *from = text_of(a, FROM), *address;
	struct senders s;

	note_fields(r, a);
	for (size_t i = 0; i < r->n; i++)
		note_fields(r, &r->accounts[i]);
	/* Then a sender is the user at `maildomain`, our hostname. */
	if (!from || is_on(a, AUTO_FROM, false))
		return;
	address = default_sender(r, at, from);
	if (!address || (address[0] == '@' && slice_ieq(slice_str(address + 1),
	    senders_host(r->im))))
		return;
	senders_init(&s, r->im);
	for (size_t i = 0; i < r->n; i++)
		if (!is_same(&r->accounts[i], a))
			keep_sender(r, &r->accounts[i], &s);
	if (!senders_add(&s, at, SL("*"), slice_str(address)))
		s.failed = true;
	if (!senders_end(&s, at, true))
		return;
	plan_note(p, at, "from: " SENDERS_FIELDS);
	if (r->im->home && strncmp(r->file, r->im->home, strlen(r->im->home)) == 0)
		plan_note(p, at, "from: all users of this host have it now: write USER in place of "
		    "* for one");
}

void
import_msmtp(struct import *im, const char *file, struct slice text)
{
	struct reading r = { .im = im, .file = file };
	const struct account *chosen;

	read_accounts(&r, text);
	chosen = find_account(&r, SL("default"));
	if (!chosen && r.n > 0) {
		chosen = &r.accounts[0];
		if (r.n > 1)
			plan_note(im->plan, at_line(&r, chosen->line),
			    "there is no account default: "
			    "mail of all other senders takes the account %.60s", chosen->name);
	}
	if (!chosen)
		chosen = &r.defaults;
	set_account(&r, chosen, "route *");
	set_common(&r, chosen);
	for (size_t i = 0; i < r.n; i++) {
		if (is_same(&r.accounts[i], chosen))
			note_hidden(&r, &r.accounts[i], chosen);
		else
			set_sender(&r, &r.accounts[i]);
		note_common(&r, &r.accounts[i], chosen);
	}
	set_aliases(&r, chosen);
	set_senders(&r, chosen);
}
