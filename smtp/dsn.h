// SPDX-License-Identifier: ISC
/*
 * The parameters of DSN: RET and ENVID of MAIL, NOTIFY and ORCPT of RCPT (RFC 3461).  A client
 * sends them, and the envelope keeps them as they came.  Pure.
 */
#ifndef SMTP_DSN_H
#define SMTP_DSN_H

#include "smtp/address.h"

/* The RFC has 100 and 500, but a longer one is not a reason to refuse mail. */
#define SMTP_ENVID_MAX  1000	/* octets before it was encoded */
#define SMTP_ORCPT_MAX  3000
#define SMTP_NOTIFY_MAX 64

/* The value of NOTIFY, or'ed. */
enum smtp_notify {
	SMTP_NOTIFY_GIVEN = 1,
	SMTP_NOTIFY_NEVER = 2,
	SMTP_NOTIFY_SUCCESS = 4,
	SMTP_NOTIFY_FAILURE = 8,
	SMTP_NOTIFY_DELAY = 16,
};

/* The parameter of the recipient of a notice. */
#define SMTP_DSN_NO_NOTICE "NOTIFY=NEVER"

/* Checks of a value. */
bool smtp_dsn_ret_valid(struct slice value);
bool smtp_dsn_envid_valid(struct slice value);
bool smtp_dsn_notify_valid(struct slice value);
/* Is a valid value so short that every server takes it (RFC 3461 sections 4.4 and 5.4)? */
bool smtp_dsn_envid_portable(struct slice value);
bool smtp_dsn_orcpt_portable(struct slice value);
/* Add an ORCPT to b in ASCII, for a server without SMTPUTF8 (RFC 6533 section 3). */
void smtp_dsn_orcpt_ascii(struct slice value, struct buf *b);
/* utf8: the address may be UTF-8 if its type is "utf-8" (RFC 6533 section 3). */
bool smtp_dsn_orcpt_valid(struct slice value, bool utf8);

/* RET=HDRS: a notice is to return the header section only. */
bool smtp_dsn_headers_only(struct slice mail_params);
/* The sender's name for the message, as xtext; empty if it gave none. */
struct slice smtp_dsn_envid(struct slice mail_params);
/* The notices that NOTIFY requests; 0 if it is not given.  Unknown words are skipped. */
unsigned smtp_dsn_notify(struct slice rcpt_params);
/* The address that the sender wrote, as xtext, and its type; both empty if it gave none. */
struct slice smtp_dsn_orcpt(struct slice rcpt_params, struct slice *ret_type);

/*
 * Add the parameters of a recipient to b for a copy to other addresses.  If no ORCPT is given, it
 * becomes `to` unless that is very long, so that a notice names the address that the sender wrote.
 * answered: a notice of success is sent already, so the copy does not ask for one (RFC 3461 section
 * 5.2.7.3).
 */
void smtp_dsn_copy_rcpt(struct slice rcpt_params, bool answered, const struct smtp_path *to,
    struct buf *b);

#endif
