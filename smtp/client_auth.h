// SPDX-License-Identifier: ISC
/*
 * The client's half of a SASL exchange (RFC 4954): PLAIN (RFC 4616), LOGIN, and XOAUTH2 for those who have a token
 * in place of a password.  Replies in, lines out.  Pure; auth.h has the server's half.
 */
#ifndef SMTP_CLIENT_AUTH_H
#define SMTP_CLIENT_AUTH_H

#include "base/buf.h"
#include "smtp/reply.h"

/* Of the EHLO reply, or'ed. */
enum smtp_mechanism { SMTP_MECHANISM_PLAIN = 1, SMTP_MECHANISM_LOGIN = 2, SMTP_MECHANISM_XOAUTH2 = 4 };

#define CLIENT_AUTH_USER_MAX   255
#define CLIENT_AUTH_SECRET_MAX 8192	/* tokens come as long as 4 KB */
#define CLIENT_AUTH_LINE	      12288	/* the longest line there is, with CRLF (RFC 4954 section 4) */
#define CLIENT_AUTH_WORDS      240

enum client_auth_step {
	CLIENT_AUTH_NONE,		/* the server offers no mechanism that would do */
	CLIENT_AUTH_RESPONSE,		/* asks for the whole of it: PLAIN, XOAUTH2 */
	CLIENT_AUTH_USER,		/* LOGIN, after AUTH */
	CLIENT_AUTH_PASSWORD,		/* LOGIN, after the name */
	CLIENT_AUTH_VERDICT,		/* all is said */
	CLIENT_AUTH_CANCELLED,		/* it asked for more than there is; whatever it says now, we are not in */
	CLIENT_AUTH_DONE,		/* we are in */
	CLIENT_AUTH_REFUSED,		/* we are not; the last reply says why */
};

struct client_auth {
	enum client_auth_step step;
	enum smtp_mechanism mechanism;
	struct slice user, secret;	/* the caller's */
	struct buf words;		/* what XOAUTH2 says in a challenge, where others have a reply */
	char words_space[CLIENT_AUTH_WORDS];
};

/* What an EHLO line says behind AUTH: mechanisms separated by blanks; those we know, or'ed. */
unsigned smtp_mechanisms(struct slice list);

/* "PLAIN" */
const char *smtp_mechanism_name(enum smtp_mechanism mechanism);

/* Begin with the best of what is offered: for a token XOAUTH2 and nothing else, for a password PLAIN, then LOGIN.  The
 * first line, with its CRLF, is put into line; it is secret, like all that follow.  False where nothing fits. */
bool client_auth_start(struct client_auth *g, unsigned offered, struct slice user, struct slice secret, bool is_token,
    struct buf *line);

/* A reply to the last line.  True: there is a line to send, put into line, and another reply to come; false: the
 * step says how it ended. */
bool client_auth_reply(struct client_auth *g, const struct smtp_peer_reply *r, struct buf *line);

#endif
