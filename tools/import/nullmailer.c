// SPDX-License-Identifier: ISC
/*
 * The folder of nullmailer-send(8): `remotes`, and files of one line each.
 */
#include "tools/import/local.h"
#include "tools/import/senders.h"
#include "tools/import/smarthost.h"
#include "tools/import/text.h"
#include "base/name.h"

static const struct text_advice options[] = {
	{ "auth-login", NULL }, { "x509fmtder", NULL },
	{ "x509certfile", "there are no client certificates: use a password" },
	{ "x509keyfile", "there are no client certificates: use a password" },
	{ "x509crlfile", "there are no lists of revoked certificates" },
	{ "tls-anon-auth", "the host needs a certificate" },
	{ NULL, NULL },
};

/* Take a word by the rules of a shell: quotes, and a backslash before any octet.  False at the
 * end. */
static bool
take_word(struct slice *line, struct buf *b)
{
	char quote = '\0';
	size_t i = 0;

	*line = slice_trim(*line);
	if (line->n == 0)
		return false;
	b->n = 0;
	for (; i < line->n && (quote || !ascii_blank(line->p[i])); i++) {
		const char c = line->p[i];

		if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? '\0' : c;
		else if (c == '\\' && quote != '\'' && i + 1 < line->n)
			buf_chr(b, line->p[++i]);
		else
			buf_chr(b, c);
	}
	*line = slice_skip(*line, i);
	return true;
}

/* One option of a remote; secrets are never in a note. */
static void
take_option(struct import *im, struct plan_at at, struct slice word, struct smarthost *s,
    bool *has_port)
{
	struct plan *p = im->plan;
	struct slice value, name;

	if (slice_has_prefix(word, SL("--")))
		word = slice_skip(word, 2);
	name = slice_cut(word, '=', &value);
	if (slice_eq(name, SL("port"))) {
		*has_port = smarthost_port(value, &s->port);
		if (!*has_port)
			plan_note(p, at, "the port is no number: the usual one is used");
	} else if (slice_eq(name, SL("user"))) {
		s->user = plan_copy(p, value);
	} else if (slice_eq(name, SL("pass"))) {
		s->password = plan_copy(p, value);
	} else if (slice_eq(name, SL("tls")) || slice_eq(name, SL("ssl"))) {
		s->tls = SMARTHOST_IMPLICIT;
	} else if (slice_eq(name, SL("starttls"))) {
		s->tls = SMARTHOST_STARTTLS;
	} else if (slice_eq(name, SL("insecure"))) {
		s->unverified = true;
	} else if (slice_eq(name, SL("source"))) {
		(void)plan_set(p, "relay", "bind", at, "%.*s", (int)value.n, value.p);
	} else if (slice_eq(name, SL("x509cafile"))) {
		(void)plan_set(p, "relay", "tls-ca-file", at, "%.*s", (int)value.n, value.p);
	} else if (!text_advise(p, at, options, name)) {
		/* An unknown word may be a part of a password with blanks. */
		plan_note(p, at, "an option of this line is unknown, and left out");
	}
}

/* One line: HOST [PROTOCOL [OPTION]...].  False: it is not translated. */
static bool
take_remote(struct import *im, struct plan_at at, struct slice line, struct smarthost *s)
{
	struct buf b = { .p = plan_copy(im->plan, line), .cap = line.n };
	bool has_port = false, first = true;

	*s = (struct smarthost){ .at = at, .login_at = at, .port = 25 };
	if (!take_word(&line, &b) || im->plan->failed)
		return false;
	s->host = plan_copy(im->plan, buf_slice(&b));
	for (; take_word(&line, &b); first = false) {
		if (first && !slice_eq(buf_slice(&b), SL("smtp")) &&
		    slice_eq(buf_slice(&b), SL("qmqp"))) {
			plan_note(im->plan, at, "there is no QMQP: this host is left out");
			return false;
		}
		if (!first || !slice_eq(buf_slice(&b), SL("smtp")))
			take_option(im, at, buf_slice(&b), s, &has_port);
	}
	if (!has_port && s->tls == SMARTHOST_IMPLICIT)
		s->port = 465;
	return true;
}

static bool
read_remotes(struct import *im, const char *file, struct slice text, struct smarthost *ret_first)
{
	struct text_lines lines = text_lines(text);
	struct smarthost s;
	struct slice line;
	bool found = false;

	while (text_next(&lines, &line)) {
		const struct plan_at at = { file, lines.line };

		if (!take_remote(im, at, line, &s))
			continue;
		if (found)
			plan_note(im->plan, at, "a second host is left out: if it has the same TLS "
			    "and login, add it to via");
		else
			*ret_first = s;
		found = true;
	}
	return found;
}

/* The name that completes addresses. */
static void
set_name(struct import *im, const char *file)
{
	static const char *const files[] = { "defaulthost", "me" };
	const char *domain = text_first_line(im, text_beside(im, file, "defaultdomain"));

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		const char *path = text_beside(im, file, files[i]);
		const char *name = text_first_line(im, path);

		if (!name)
			continue;
		if (!strchr(name, '.') && domain && strcmp(name, "localhost") != 0)
			name = plan_text(im->plan, "%s.%s", name, domain);
		local_hostname(im, name, (struct plan_at){ path, 1 });
		return;
	}
	if (!local_name(im) && domain)
		local_hostname(im, domain,
		    (struct plan_at){ text_beside(im, file, "defaultdomain"), 1 });
}

/* All mail for users of this host goes to one address. */
static void
set_admin(struct import *im, const char *file, const struct smarthost *s)
{
	const char *path = text_beside(im, file, "adminaddr"), *names[3] = { "localhost" };
	const char *address = text_first_line(im, path), *aliases;
	const struct plan_at at = { path, 1 };
	size_t n = 1;

	if (!address)
		return;
	names[n] = plan_get(im->plan, "server", "hostname");
	n += names[n] != NULL;
	names[n] = local_name(im);
	n += names[n] && (n == 1 || strcmp(names[n], names[n - 1]) != 0);
	aliases = local_aliases_text(im, slice_str(local_users_to(im, address, 65000)), at);
	for (size_t i = 0; aliases && i < n; i++) {
		const char *section = plan_text(im->plan, "route %s", names[i]);

		if (smarthost_set(im->plan, section, s))
			(void)plan_set(im->plan, section, "aliases", at, "%s", aliases);
	}
	plan_note(im->plan, at, "the aliases have the users of today: add a line for a later one");
}

/* The reverse-path of all mail. */
static void
set_senders(struct import *im, const char *file)
{
	const char *path = text_beside(im, file, "allmailfrom");
	const char *address = text_first_line(im, path);
	const struct plan_at at = { path, 1 };
	struct senders s;

	if (!address)
		return;
	senders_init(&s, im);
	(void)senders_add(&s, at, SL("*"), slice_str(*address == '@' ? "" : address));
	if (senders_end(&s, at, false)) {
		plan_note(im->plan, at, "allmailfrom: " SENDERS_FIELDS);
		plan_note(im->plan, at, "allmailfrom: a sender of another domain keeps its "
		    "address: before, it had this one, too");
	}
}

/* Files whose only line is a setting. */
static void
set_times(struct import *im, const char *file)
{
	static const struct text_advice ignored[] = {
		{ "pausetime", "see retry-min in smtp-handler.conf(5)" },
		{ "maxpause", "see retry-max in smtp-handler.conf(5)" },
		{ "sendtimeout", "see transaction-timeout in smtp-handler.conf(5)" },
		{ "helohost", "the name in greetings is [server] hostname" },
		{ "idhost", "Message-ID has the name of [server] hostname" },
		{ "doublebounceto", "notices that cannot be sent are in dead/ of the queue" },
		{ NULL, NULL },
	};
	const char *path = text_beside(im, file, "queuelifetime");
	const char *text = text_first_line(im, path);

	if (text)
		(void)plan_set(im->plan, "queue", "lifetime", (struct plan_at){ path, 1 }, "%s",
		    text);
	for (const struct text_advice *a = ignored; a->name; a++) {
		path = text_beside(im, file, a->name);
		if (text_first_line(im, path))
			plan_untranslated(im->plan, (struct plan_at){ path, 1 }, slice_str(a->name),
			    a->advice);
	}
}

void
import_nullmailer(struct import *im, const char *file, struct slice text)
{
	struct smarthost s;

	set_name(im, file);
	set_times(im, file);
	set_senders(im, file);
	if (!read_remotes(im, file, text, &s)) {
		(void)plan_hold(im->plan, "route *", (struct plan_at){ file, 0 },
		    "there is no host that speaks SMTP");
		return;
	}
	(void)smarthost_set(im->plan, "route *", &s);
	set_admin(im, file, &s);
}
