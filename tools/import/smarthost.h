// SPDX-License-Identifier: ISC
/*
 * A server that takes the mail, as each of the other programs describes one.
 */
#ifndef TOOLS_IMPORT_SMARTHOST_H
#define TOOLS_IMPORT_SMARTHOST_H

#include "tools/import/plan.h"

enum smarthost_tls {
	SMARTHOST_ANY,		/* nothing is said about TLS */
	SMARTHOST_CLEAR,	/* TLS is forbidden */
	SMARTHOST_STARTTLS,
	SMARTHOST_IMPLICIT,
};

struct smarthost {
	const char *host;	/* a name or an address, with brackets or without */
	unsigned port;		/* never 0 */
	bool lmtp;
	enum smarthost_tls tls;
	bool unverified;	/* the other program did not look at the certificate */
	const char *user;	/* NULL: no login */
	bool unknown;		/* there is a login, but it cannot be read */
	const char *password;	/* NULL: unknown */
	const char *command;	/* of the shell, prints the password; or NULL */
	bool token;		/* what it prints is a token of OAuth 2 */
	struct plan_at at;	/* of the host */
	struct plan_at login_at;
};

/* Set the keys of a section.  False: the plan has no such section, and a note says why. */
bool smarthost_set(struct plan *p, const char *section, const struct smarthost *s);

/* Parse a port: a number, or the name of a service of mail.  False: it is neither. */
bool smarthost_port(struct slice text, unsigned *ret);

#endif
