// SPDX-License-Identifier: ISC
/*
 * The listeners of OpenSMTPD: who reaches its rules, and after a login.
 */
#ifndef TOOLS_IMPORT_OPENSMTPD_LISTENERS_H
#define TOOLS_IMPORT_OPENSMTPD_LISTENERS_H

#include "tools/import/opensmtpd_file.h"

struct opensmtpd_listeners {
	struct slice greeting;		/* the name of the first one that has one */
	struct slice tag;		/* of all that demand a login, and of no others; or empty */
	bool logins;			/* some offer a login */
	bool closed;			/* clients elsewhere need a login on port 25 */
	bool closed_here;		/* so do clients of this machine */
	bool any, any_25, elsewhere;	/* elsewhere: not only for this machine, on port 25 */
};

/* Read all statements "listen", with notes for what has no translation. */
void opensmtpd_listeners_read(struct opensmtpd_listeners *x, struct opensmtpd_file *f);

/* Note what the operator has to do about the addresses. */
void opensmtpd_listeners_note(const struct opensmtpd_listeners *x, const struct opensmtpd_file *f);

#endif
