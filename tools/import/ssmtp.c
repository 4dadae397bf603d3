// SPDX-License-Identifier: ISC
/*
 * ssmtp.conf(5) and the file revaliases beside it.
 */
#include <strings.h>

#include "tools/import/local.h"
#include "tools/import/senders.h"
#include "tools/import/smarthost.h"
#include "tools/import/text.h"

#define SYSTEM_UIDS 1000	/* their mail goes to the address `root` of the file */

static const struct text_advice others[] = {
	{ "authmethod", "the login is by PLAIN or LOGIN, inside TLS" },
	{ "tlscert", "there are no client certificates: use a password" },
	{ "tlskey", "there are no client certificates: use a password" },
	{ "usetlscert", "there are no client certificates: use a password" },
	{ "tls_ca_dir", "write the certificates of the authorities into one file: tls-ca-file" },
	{ "debug", "the log is in the journal: journalctl -t smtp-relay" },
	{ "remoteport", "write the port behind the name, mailhub=HOST:PORT, and import again" },
	{ "addheader", "no fields are added" },
	{ "useoldauth", NULL }, { "minuserid", NULL }, { "mtport", NULL },
	{ NULL, NULL },
};

struct value {
	const char *name, *text;
	unsigned line;
};

enum { ROOT, MAILHUB, REWRITE, HOSTNAME, TLS, STARTTLS, USER, PASSWORD, CA_FILE,
    OVERRIDE, VALUES };

struct reading {
	struct import *im;
	const char *file;
	struct value values[VALUES];
};

static struct plan_at
place_of(const struct reading *r, int i)
{
	return (struct plan_at){ r->file, r->values[i].line };
}

static bool
is_set(const struct reading *r, int i)
{
	return r->values[i].text && *r->values[i].text;
}

static bool
is_yes(const struct reading *r, int i)
{
	return is_set(r, i) && strcasecmp(r->values[i].text, "yes") == 0;
}

static void
take_setting(struct reading *r, struct slice name, struct slice text, unsigned line)
{
	struct plan *p = r->im->plan;
	const struct plan_at at = { r->file, line };
	char *lower = plan_copy(p, name);

	for (char *c = lower; *c; c++)
		*c = ascii_lower(*c);
	for (int i = 0; i < VALUES; i++)
		if (strcmp(lower, r->values[i].name) == 0) {
			/* The first login counts, and the last line of all else. */
			if ((i == USER || i == PASSWORD) && is_set(r, i)) {
				plan_note(p, at, "a line above has this setting: this one is left "
				    "out");
				return;
			}
			r->values[i].text = plan_copy(p, text);
			r->values[i].line = line;
			return;
		}
	if (!text_advise(p, at, others, slice_str(lower)))
		plan_untranslated(p, at, name, "this setting of ssmtp is unknown");
}

/* Name and value have a '=' or blanks between them; the value ends at a blank. */
static void
read_settings(struct reading *r, struct slice text)
{
	struct text_lines lines = text_lines(text);
	struct slice line, rest;

	while (text_next(&lines, &line)) {
		size_t n = 0;

		while (n < line.n && line.p[n] != '=' && !ascii_blank(line.p[n]))
			n++;
		rest = slice_trim(slice_skip(line, n));
		if (slice_has_prefix(rest, SL("=")))
			rest = slice_skip(rest, 1);
		rest = text_word(rest, &(struct slice){ 0 });
		take_setting(r, slice_of(line.p, n), rest, lines.line);
	}
}

/* HOST[:PORT]; the port may be in a value of its own. */
static void
take_host(const struct reading *r, struct slice text, struct plan_at at, struct smarthost *s)
{
	struct slice port, host = slice_cut(text, ':', &port);

	*s = (struct smarthost){ .host = plan_copy(r->im->plan, host), .port = 25, .at = at };
	if (port.n && !smarthost_port(port, &s->port))
		plan_note(r->im->plan, at, "the port is no number: 25 is used");
	if (is_yes(r, TLS) || is_yes(r, STARTTLS)) {
		s->tls = is_yes(r, STARTTLS) ? SMARTHOST_STARTTLS : SMARTHOST_IMPLICIT;
		s->unverified = true;
	}
	s->user = is_set(r, USER) ? r->values[USER].text : NULL;
	s->password = is_set(r, PASSWORD) ? r->values[PASSWORD].text : NULL;
	s->login_at = place_of(r, USER);
}

/* LOCAL:ADDRESS[:MAILHUB] */
struct reverse {
	struct plan_at at;
	struct slice name, address, hub;
};

static bool
next_reverse(const char *file, struct text_lines *lines, struct reverse *ret)
{
	struct slice line;

	if (!text_next(lines, &line))
		return false;
	ret->at = (struct plan_at){ file, lines->line };
	ret->name = slice_trim(slice_cut(line, ':', &ret->address));
	ret->address = slice_trim(slice_cut(ret->address, ':', &ret->hub));
	ret->hub = slice_trim(ret->hub);
	return true;
}

/* The [sender] of an address. */
static const char *
section_of(const struct reading *r, const struct reverse *line)
{
	return plan_text(r->im->plan, "sender %.*s", (int)line->address.n, line->address.p);
}

static void
add_reverse(const struct reading *r, struct senders *s, const struct reverse *line)
{
	if (!line->hub.n && plan_get(r->im->plan, section_of(r, line), "via"))
		plan_untranslated(r->im->plan, line->at, line->name, "another user has this "
		    "address with a mail hub of its own: " SENDERS_BY_HAND);
	else
		(void)senders_add_user(s, line->at, line->name, line->address);
}

/* All programs of a user had this sender. */
static void
set_senders(const struct reading *r, const char *file, struct slice text)
{
	struct text_lines lines = text_lines(text);
	struct plan *p = r->im->plan;
	struct reverse line;
	struct senders s;

	senders_init(&s, r->im);
	while (next_reverse(file, &lines, &line))
		add_reverse(r, &s, &line);
	if (!senders_end(&s, (struct plan_at){ file, 0 }, false))
		return;
	plan_note(p, (struct plan_at){ file, 0 }, "a user has the address if the program gives "
	    "none, or the one that the user has at this host: %s", is_yes(r, OVERRIDE) ?
	    "before, a From with that stayed" : "before, a From with any address got it");
}

static void
read_reverse(const struct reading *r)
{
	const char *file = text_beside(r->im, r->file, "revaliases");
	struct text_lines lines;
	struct reverse line;
	struct smarthost s;
	struct slice text;

	if (!r->im->read(r->im, file, &text))
		return;
	lines = text_lines(text);
	while (next_reverse(file, &lines, &line)) {
		if (!line.hub.n || !line.address.n)
			continue;
		take_host(r, line.hub, line.at, &s);
		(void)smarthost_set(r->im->plan, section_of(r, &line), &s);
	}
	set_senders(r, file, text);
}

/* Mail for users of the system goes to one address.  The route of this host has the mail hub, too:
 * other users have their mail there. */
static void
set_root(const struct reading *r, const struct smarthost *s)
{
	struct plan *p = r->im->plan;
	const char *name = plan_get(p, "server", "hostname"), *aliases, *section;
	const struct plan_at at = place_of(r, ROOT);

	if (!is_set(r, ROOT))
		return;
	if (!name)
		name = local_name(r->im);
	if (!name || !strchr(r->values[ROOT].text, '@')) {
		plan_note(p, at, "mail for root goes to root at the name of this host: give an "
		    "address "
		    "elsewhere by a line  root: ADDRESS  in the aliases of a [route]");
		return;
	}
	aliases = local_aliases_text(r->im,
	    slice_str(local_users_to(r->im, r->values[ROOT].text, SYSTEM_UIDS)), at);
	section = plan_text(p, "route %s", name);
	if (aliases && smarthost_set(p, section, s))
		(void)plan_set(p, section, "aliases", at, "%s", aliases);
}

void
import_ssmtp(struct import *im, const char *file, struct slice text)
{
	struct reading r = {
		.im = im, .file = file,
		.values = {
			[ROOT] = { .name = "root" }, [MAILHUB] = { .name = "mailhub" },
			[REWRITE] = { .name = "rewritedomain" },
			    [HOSTNAME] = { .name = "hostname" },
			[TLS] = { .name = "usetls" }, [STARTTLS] = { .name = "usestarttls" },
			[USER] = { .name = "authuser" }, [PASSWORD] = { .name = "authpass" },
			[CA_FILE] = { .name = "tls_ca_file" },
			[OVERRIDE] = { .name = "fromlineoverride" },
		},
	};
	struct smarthost s;

	read_settings(&r, text);
	if (is_set(&r, REWRITE) || is_set(&r, HOSTNAME)) {
		const int from = is_set(&r, REWRITE) ? REWRITE : HOSTNAME;

		local_hostname(im, r.values[from].text, place_of(&r, from));
	}
	if (is_set(&r, OVERRIDE) && !is_yes(&r, OVERRIDE))
		plan_untranslated(im->plan, place_of(&r, OVERRIDE), SL("FromLineOverride"), "a "
		    "From that a program gives stays, save for the addresses of masquerade");
	if (is_set(&r, CA_FILE))
		(void)plan_set(im->plan, "relay", "tls-ca-file", place_of(&r, CA_FILE), "%s",
		    r.values[CA_FILE].text);
	if (!is_set(&r, MAILHUB)) {
		(void)plan_hold(im->plan, "route *", (struct plan_at){ file, 0 },
		    "there is no mailhub");
	} else {
		take_host(&r, slice_str(r.values[MAILHUB].text), place_of(&r, MAILHUB), &s);
		(void)smarthost_set(im->plan, "route *", &s);
		set_root(&r, &s);
	}
	read_reverse(&r);
}
