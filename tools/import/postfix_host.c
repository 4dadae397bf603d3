// SPDX-License-Identifier: ISC
/*
 * Hosts of Postfix, each with the TLS and the login that main.cf has for it.
 */
#include "tools/import/postfix_host.h"

#include "tools/import/smarthost.h"
#include "tools/import/text.h"

#define ONE_MORE   "a second host is left out: if it has the same TLS and login, add it to via"

bool
postfix_host_has_level(const struct maincf *m, const char *const *levels)
{
	const char *level = maincf_get(m, "smtp_tls_security_level");

	for (; *levels; levels++)
		if (strcmp(level, *levels) == 0)
			return true;
	return false;
}

void
postfix_host_set_exchangers(const struct maincf *m, const char *section)
{
	static const char *const verified[] = { "verify", "secure", NULL };
	static const char *const never[] = { "none", NULL };
	static const char *const demanded[] = { "encrypt", "fingerprint", "dane-only", NULL };
	const struct plan_at at = maincf_at(m, "smtp_tls_security_level");
	const char *level = postfix_host_has_level(m, verified) ? "require" :
	    postfix_host_has_level(m, never) ? "none" : NULL;

	if (level)
		(void)plan_set(m->im->plan, section, "tls", at, "%s", level);
	if (postfix_host_has_level(m, demanded) || maincf_is_yes(m, "smtp_enforce_tls"))
		plan_untranslated(m->im->plan, postfix_host_has_level(m, demanded) ? at :
		    maincf_at(m, "smtp_enforce_tls"), SL("TLS that is always demanded"),
		    "[relay] tls = require also needs a good certificate, which many servers do "
		    "not have: set it in the [route] of a domain");
}

static void
take_tls(const struct maincf *m, struct smarthost *s)
{
	static const char *const demanded[] = {
		"encrypt", "verify", "secure", "fingerprint", "dane-only", NULL
	};
	static const char *const verified[] = { "verify", "secure", NULL };
	static const char *const never[] = { "none", NULL };

	if (maincf_is_yes(m, "smtp_tls_wrappermode"))
		s->tls = SMARTHOST_IMPLICIT;
	else if (postfix_host_has_level(m, demanded) || maincf_is_yes(m, "smtp_enforce_tls"))
		s->tls = SMARTHOST_STARTTLS;
	else if (postfix_host_has_level(m, never))
		s->tls = SMARTHOST_CLEAR;
	s->unverified = !postfix_host_has_level(m, verified);
}

/* Is the name the one of a domain rather than of a host?  So is "relayhost = $mydomain". */
static bool
is_domain(const struct maincf *m, struct slice name)
{
	const char *dot = name.n && name.p[0] != '[' ? memchr(name.p, '.', name.n) : NULL;

	return slice_ieq(name, slice_str(maincf_get(m, "mydomain"))) || (dot &&
	    !memchr(dot + 1, '.', name.n - (size_t)(dot + 1 - name.p)));
}

/* [HOST]:PORT or HOST:PORT.  False: it names no host. */
static bool
take_host(const struct maincf *m, struct slice text, struct plan_at at, struct smarthost *s)
{
	struct plan *p = m->im->plan;
	struct slice port, host;
	const bool brackets = text.n && text.p[0] == '[';

	if (brackets) {
		host = slice_cut(slice_skip(text, 1), ']', &port);
		if (port.n && port.p[0] == ':')
			port = slice_skip(port, 1);
	} else {
		host = slice_cut(text, ':', &port);
	}
	if (host.n == 0)
		return false;
	*s = (struct smarthost){ .host = plan_copy(p, host), .port = 25, .at = at };
	if (port.n && !smarthost_port(port, &s->port))
		plan_note(p, at, "the port is no number: 25 is used");
	if (!brackets && memchr(host.p, '.', host.n))
		plan_note(p, at, "Postfix looked for the exchangers of %.*s; our programs take the "
		    "addresses of that name: if it has an MX record, write the host of the record",
		    (int)(host.n < 200 ? host.n : 200), host.p);
	take_tls(m, s);
	return true;
}

/* USER:PASSWORD */
static void
set_login(const struct maincf *m, struct slice value, struct plan_at at, struct smarthost *s)
{
	struct slice rest;

	s->user = plan_copy(m->im->plan, slice_cut(value, ':', &rest));
	s->password = rest.n ? plan_copy(m->im->plan, rest) : NULL;
	s->login_at = at;
}

/* Look a key up in the tables of the passwords.  Upper and lower case are the same.  A table that
 * cannot be read may have it. */
static bool
find_login(const struct maincf *m, struct slice key, struct smarthost *s)
{
	const struct plan_at at = maincf_at(m, "smtp_sasl_password_maps");
	struct slice maps = slice_str(maincf_get(m, "smtp_sasl_password_maps")), map;
	struct maincf_table table;
	struct maincf_line line;

	while ((map = maincf_map(&maps)).n) {
		if (slice_has_prefix(map, SL("static:"))) {
			map = slice_skip(map, strlen("static:"));
			if (map.n > 1 && map.p[0] == '{' && map.p[map.n - 1] == '}')
				map = slice_trim(slice_of(map.p + 1, map.n - 2));
			set_login(m, map, at, s);
			return true;
		}
		if (!maincf_table_open(m, map, at, &table)) {
			s->unknown = true;
			s->login_at = at;
			return true;
		}
		while (maincf_table_next(m, &table, &line)) {
			if (!slice_ieq(line.name, key))
				continue;
			set_login(m, line.value, (struct plan_at){ table.file, line.line }, s);
			return true;
		}
	}
	return false;
}

static void
take_login(const struct maincf *m, struct slice sender, struct slice next_hop, struct smarthost *s)
{
	const struct plan_at at = maincf_at(m, "smtp_sasl_auth_enable");

	if (!maincf_is_yes(m, "smtp_sasl_auth_enable"))
		return;
	if (maincf_is_yes(m, "smtp_sender_dependent_authentication") && sender.n &&
	    find_login(m, sender, s))
		return;
	if (!find_login(m, slice_str(s->host), s) && !find_login(m, next_hop, s))
		plan_note(m->im->plan, at, "smtp_sasl_password_maps has no password for %.200s, so "
		    "there is no login", s->host);
}

void
postfix_host_set(const struct maincf *m, const char *section, struct slice sender,
    struct slice list, struct plan_at at)
{
	struct slice text = maincf_word(&list), port;
	struct plan *p = m->im->plan;
	struct smarthost s;

	if (slice_has_prefix(text, SL("smtp:")))
		text = slice_skip(text, 5);
	if (text.n == 0)
		return;
	if (is_domain(m, slice_cut(text, ':', &port))) {
		(void)plan_hold(p, section, at, "Postfix looked for the exchangers of %.*s, and no "
		    "via has those of another domain: write the host of its MX record",
		    (int)(text.n < 200 ? text.n : 200), text.p);
		return;
	}
	if (!take_host(m, text, at, &s)) {
		(void)plan_hold(p, section, at, "%.*s is no host",
		    (int)(text.n < 200 ? text.n : 200), text.p);
		return;
	}
	if (maincf_word(&list).n)
		plan_note(p, at, ONE_MORE);
	take_login(m, sender, text, &s);
	(void)smarthost_set(p, section, &s);
}

const char *
postfix_host_refusal(const struct maincf *m, struct slice transport, const char *text)
{
	struct slice rest, type = slice_cut(transport, ':', &rest);

	rest = slice_trim(rest);
	if (slice_eq(type, SL("discard")))
		return "discard";
	if (!slice_eq(type, SL("error")))
		return NULL;
	return plan_text(m->im->plan, "reject:%.*s", rest.n ? (int)rest.n : (int)strlen(text),
	    rest.n ? rest.p : text);
}

bool
postfix_host_is_no_domain(struct slice name)
{
	return slice_eq(name, SL("*")) || name.p[0] == '!' || memchr(name.p, '/', name.n) ||
	    (name.p[0] != '[' && memchr(name.p, ':', name.n));
}

const char *
postfix_host_socket(const struct maincf *m, struct slice path)
{
	if (slice_has_prefix(path, SL("/")))
		return plan_copy(m->im->plan, path);
	return plan_text(m->im->plan, "%s/%.*s", maincf_get(m, "queue_directory"), (int)path.n,
	    path.p);
}
