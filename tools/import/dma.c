// SPDX-License-Identifier: ISC
/*
 * dma.conf and auth.conf of the DragonFly Mail Agent (dma(8)).
 */
#include "tools/import/local.h"
#include "tools/import/senders.h"
#include "tools/import/smarthost.h"
#include "tools/import/text.h"

static const struct text_advice others[] = {
	{ "SPOOLDIR", NULL }, { "INSECURE", NULL }, { "FULLBOUNCE", NULL },
	{ "DEFER", "mail is sent at once: mask smtp-relay.path, and start smtp-relay.service "
	    "when there is a connection" },
	{ "CERTFILE", "there are no client certificates: use a password" },
	{ "FINGERPRINT", "certificates are verified by their authority: set tls-ca-file" },
	{ NULL, NULL },
};

enum { SMARTHOST, PORT, ALIASES, SECURE, TLS, OPPORTUNISTIC, AUTHPATH, MAILNAME, NULLCLIENT,
    MASQUERADE, VALUES };

struct value {
	const char *text;	/* NULL: not set; empty for a flag */
	unsigned line;
};

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

static void
read_settings(struct reading *r, struct slice text)
{
	static const char *const names[VALUES] = {
		[SMARTHOST] = "SMARTHOST", [PORT] = "PORT", [ALIASES] = "ALIASES",
		[SECURE] = "SECURETRANSFER", [TLS] = "STARTTLS",
		[OPPORTUNISTIC] = "OPPORTUNISTIC_TLS", [AUTHPATH] = "AUTHPATH",
		[MAILNAME] = "MAILNAME", [NULLCLIENT] = "NULLCLIENT",
		[MASQUERADE] = "MASQUERADE",
	};
	struct plan *p = r->im->plan;
	struct text_lines lines = text_lines(text);
	struct slice line, value, name, comment;

	while (text_next(&lines, &line)) {
		const struct plan_at at = { r->file, lines.line };
		bool known = false;

		name = text_word(slice_cut(line, '#', &comment), &value);
		for (int i = 0; i < VALUES; i++) {
			if (!slice_eq(name, slice_str(names[i])))
				continue;
			r->values[i] = (struct value){ plan_copy(p, value), lines.line };
			known = true;
		}
		if (!known && !text_advise(p, at, others, name))
			plan_untranslated(p, at, name, "this setting of dma is unknown");
	}
}

/* USER|SMARTHOST:PASSWORD, or with a blank in place of the colon; a password may have any
 * characters. */
static void
take_login(const struct reading *r, struct smarthost *s)
{
	const char *path = r->values[AUTHPATH].text;
	struct slice text, line, rest, user, host;
	struct text_lines lines;
	size_t n;

	if (!path)
		return;
	path = text_path(r->im, slice_str(path));
	if (!r->im->read(r->im, path, &text)) {
		/* Without a login the host might return the mail. */
		s->unknown = true;
		s->login_at = place_of(r, AUTHPATH);
		plan_note(r->im->plan, s->login_at, "%.200s cannot be read", path);
		return;
	}
	lines = text_lines(text);
	while (text_next(&lines, &line)) {
		user = slice_cut(line, '|', &rest);
		for (n = 0; n < rest.n && rest.p[n] != ':' && !ascii_blank(rest.p[n]);)
			n++;
		host = slice_of(rest.p, n);
		rest = slice_skip(rest, n + 1);
		if (!slice_ieq(host, slice_str(s->host)))
			continue;
		s->user = plan_copy(r->im->plan, user);
		s->password = rest.n ? plan_copy(r->im->plan, rest) : NULL;
		s->login_at = (struct plan_at){ path, lines.line };
	}
}

static void
set_smarthost(const struct reading *r, const char *section)
{
	struct smarthost s = {
		.host = r->values[SMARTHOST].text, .port = 25, .at = place_of(r, SMARTHOST),
	};

	if (r->values[PORT].text && !smarthost_port(slice_str(r->values[PORT].text), &s.port))
		plan_note(r->im->plan, place_of(r, PORT), "the port is no number: 25 is used");
	if (r->values[SECURE].text && !r->values[OPPORTUNISTIC].text) {
		s.tls = r->values[TLS].text ? SMARTHOST_STARTTLS : SMARTHOST_IMPLICIT;
		s.unverified = true;
	}
	take_login(r, &s);
	(void)smarthost_set(r->im->plan, section, &s);
}

/* The value is a name, or a file that has it. */
static const char *
mail_name(const struct reading *r)
{
	const char *text = r->values[MAILNAME].text;

	if (text && text[0] == '/')
		text = text_first_line(r->im, text);
	return text && *text ? text : local_name(r->im);
}

/* USER@HOST, USER@ or HOST: the reverse-path of mail of local programs, unless they give one. */
static void
set_senders(const struct reading *r)
{
	struct plan *p = r->im->plan;
	const struct plan_at at = place_of(r, MASQUERADE);
	const struct slice text = slice_str(r->values[MASQUERADE].text ?
	    r->values[MASQUERADE].text : ""), host = senders_host(r->im);
	struct senders s;

	if (text.n == 0)
		return;
	senders_init(&s, r->im);
	if (text.p[text.n - 1] == '@' && host.n == 0)
		plan_untranslated(p, at, SL("MASQUERADE"), "the full name of this host is "
		    "unknown: " SENDERS_BY_HAND);
	else
		(void)senders_add(&s, at, SL("*"), slice_str(plan_text(p, "%s%.*s%.*s",
		    memchr(text.p, '@', text.n) ? "" : "@", (int)text.n, text.p,
		    text.p[text.n - 1] == '@' ? (int)host.n : 0, host.p)));
	if (senders_end(&s, at, false))
		plan_note(p, at, "MASQUERADE: " SENDERS_FIELDS);
}

void
import_dma(struct import *im, const char *file, struct slice text)
{
	struct reading r = { .im = im, .file = file };
	const char *name, *aliases, *path;

	read_settings(&r, text);
	name = mail_name(&r);
	if (r.values[MAILNAME].text && name)
		local_hostname(im, name, place_of(&r, MAILNAME));
	if (r.values[SMARTHOST].text && *r.values[SMARTHOST].text)
		set_smarthost(&r, "route *");
	else if (r.values[PORT].text)
		(void)plan_set(im->plan, "relay", "port", place_of(&r, PORT), "%s",
		    r.values[PORT].text);
	set_senders(&r);
	if (r.values[NULLCLIENT].text)
		return;
	path = r.values[ALIASES].text ? r.values[ALIASES].text : "/etc/aliases";
	aliases = local_aliases(im, path, place_of(&r, ALIASES));
	local_domain(im, "localhost", "Maildir", aliases, place_of(&r, ALIASES));
	if (name)
		local_domain(im, name, "Maildir", aliases, place_of(&r, ALIASES));
	else
		plan_note(im->plan, (struct plan_at){ file, 0 },
		    "the full name of this host is unknown: "
		    "add a [route NAME] like that of localhost");
}
