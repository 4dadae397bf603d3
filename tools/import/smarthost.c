// SPDX-License-Identifier: ISC
/*
 * Our programs send a password only inside TLS, to a host with a good certificate.
 */
#include "tools/import/smarthost.h"

#include "base/cidr.h"

bool
smarthost_port(struct slice text, unsigned *ret)
{
	static const struct { struct slice name; unsigned port; } names[] = {
		{ S("smtp"), 25 }, { S("submission"), 587 }, { S("smtps"), 465 },
		{ S("submissions"), 465 }, { S("ssmtp"), 465 },
	};
	uint64_t port;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (slice_eq(text, names[i].name)) {
			*ret = names[i].port;
			return true;
		}
	if (!slice_uint(text, 65535, &port) || port == 0)
		return false;
	*ret = (unsigned)port;
	return true;
}

/* The host as our configuration has it: brackets for IPv6 alone. */
static const char *
host_text(struct plan *p, const char *host)
{
	struct slice s = slice_str(host);

	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = slice_of(s.p + 1, s.n - 2);
	if (slice_has_iprefix(s, SL("IPv6:")))
		s = slice_skip(s, 5);
	return memchr(s.p, ':', s.n) ? plan_text(p, "[%.*s]", (int)s.n, s.p) : plan_copy(p, s);
}

static bool
is_here(const char *host)
{
	struct sockaddr_storage ss;
	socklen_t len;

	return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
	    (address_parse(slice_str(host), 0, &ss, &len) && address_is_loopback(&ss));
}

/* Set the keys of the login. */
static bool
set_login(struct plan *p, const char *section, const struct smarthost *s, const char *host)
{
	const char *path, *key = s->token ? "token-command" : "password-file";
	struct plan_file file = {
		.kind = s->token ? PLAN_PROGRAM : PLAN_PASSWORD, .command = s->command,
		.at = s->login_at,
	};

	if (s->unknown)
		plan_note(p, s->login_at, "the login to %.200s cannot be read: write its user into "
		    "[%.200s]", host, section);
	if (!plan_set(p, section, "user", s->login_at, "%s",
	    s->unknown ? "write-the-user-here" : s->user))
		return plan_hold(p, section, s->at, "the login to %.200s cannot be written here",
		    host) && false;
	if (s->token)
		file.content = plan_text(p, "#!/bin/sh\n%s\n", s->command);
	else if (s->password)
		file.content = plan_text(p, "%s\n", s->password);
	path = plan_add_file(p, host, s->token ? "token" : "password", &file);
	if (s->token)
		plan_note(p, s->login_at, "the command for the token will run as the user "
		    "smtp-relay: "
		    "try it by  runuser -u smtp-relay -- %s", path);
	else if (!s->password && s->command)
		plan_note(p, s->login_at, "the password is printed by a command, which a service "
		    "cannot run: give --run-commands, or type what that command prints into  "
		    "install -o smtp-relay -m 600 /dev/stdin %s", path);
	else if (!s->password)
		plan_note(p, s->login_at, "there is no password: type it, Enter, Ctrl-D after  "
		    "install -o smtp-relay -m 600 /dev/stdin %s", path);
	return plan_set(p, section, key, s->login_at, "%s", path);
}

bool
smarthost_set(struct plan *p, const char *section, const struct smarthost *s)
{
	const char *host = host_text(p, s->host), *scheme = "smtp", *port = "";
	const bool login = s->unknown || (s->user && *s->user);
	enum smarthost_tls tls = s->tls;
	unsigned usual = 25;

	if (plan_get(p, section, "via")) {
		plan_note(p, s->at, "there is a [%.200s] already: this host is left out", section);
		return false;
	}
	if (login && tls != SMARTHOST_STARTTLS && tls != SMARTHOST_IMPLICIT && !is_here(host)) {
		tls = SMARTHOST_STARTTLS;
		plan_note(p, s->login_at, "the login to %.200s was sent without TLS: from now on "
		    "STARTTLS and a good certificate are needed.  If the host has none, use "
		    "another",
		    host);
	}
	if (s->unverified && (tls == SMARTHOST_STARTTLS || tls == SMARTHOST_IMPLICIT))
		plan_note(p, s->at, "the certificate of %.200s was not verified: from now on it "
		    "is.  If "
		    "the authority is your own, set [relay] tls-ca-file", host);
	if (tls == SMARTHOST_IMPLICIT) {
		scheme = "smtps";
		usual = 465;
	} else if (tls == SMARTHOST_STARTTLS) {
		scheme = "smtp+starttls";
		usual = 587;
	}
	if (s->lmtp) {
		scheme = "lmtp";
		usual = 0;
	}
	if (s->port != usual)
		port = plan_text(p, ":%u", s->port);
	/* Without a host the mail would go to the exchangers, or past a filter. */
	if (!plan_set(p, section, "via", s->at, "%s://%s%s", scheme, host, port))
		return plan_hold(p, section, s->at, "the host %.200s cannot be written here",
		    s->host) && false;
	if (tls == SMARTHOST_CLEAR && !s->lmtp && !plan_set(p, section, "tls", s->at, "none"))
		return false;
	if (s->lmtp && login)
		plan_untranslated(p, s->login_at, SL("user"), "LMTP has no login here");
	return s->lmtp || !login || set_login(p, section, s, host);
}
