// SPDX-License-Identifier: ISC
/*
 * The client's half of a SASL exchange: PLAIN, LOGIN, and XOAUTH2 with a token in place of a
 * password (RFC 4954, RFC 4616).  Replies in, lines out.  Pure.
 */
#ifndef SMTP_CLIENT_AUTH_H
#define SMTP_CLIENT_AUTH_H

#include "base/buf.h"
#include "smtp/reply.h"

/* Mechanisms of the EHLO reply, or'ed.  The lowest bit is preferred. */
enum client_auth_mechanism {
	CLIENT_AUTH_PLAIN = 1,
	CLIENT_AUTH_LOGIN = 2,
	CLIENT_AUTH_XOAUTH2 = 4,
};

#define CLIENT_AUTH_USER_MAX   255
#define CLIENT_AUTH_SECRET_MAX 8192	/* tokens have up to 4 KB */
#define CLIENT_AUTH_LINE       12288	/* octets of a line with CRLF (RFC 4954 section 4) */
#define CLIENT_AUTH_WORDS      240

enum client_auth_step {
	CLIENT_AUTH_NONE,	/* the server announces no usable mechanism */
	CLIENT_AUTH_RESPONSE,	/* PLAIN and XOAUTH2 send their only response next */
	CLIENT_AUTH_USER,	/* LOGIN sends the name next */
	CLIENT_AUTH_PASSWORD,	/* LOGIN sends the password next */
	CLIENT_AUTH_VERDICT,	/* everything is sent */
	CLIENT_AUTH_CANCELLED,	/* too many challenges: any reply is a refusal */
	CLIENT_AUTH_DONE,	/* logged in */
	CLIENT_AUTH_REFUSED,	/* not logged in; the last reply has the reason */
};

struct client_auth {
	enum client_auth_step step;
	enum client_auth_mechanism mechanism;
	struct slice user, secret;	/* in memory of the caller */
	struct buf words;		/* the error that XOAUTH2 sends in a challenge */
	char words_space[CLIENT_AUTH_WORDS];
};

/* The known mechanisms among words separated by blanks, or'ed. */
unsigned client_auth_mechanisms(struct slice list);

/* "PLAIN" */
const char *client_auth_mechanism_name(enum client_auth_mechanism mechanism);

/* The mechanisms that suit a token, or a password. */
unsigned client_auth_usable(unsigned offered, bool is_token);

/*
 * Begin with the best mechanism that is offered: XOAUTH2 for a token; PLAIN, then LOGIN for a
 * password.  Put the first line into `line`, with its CRLF; like all that follow, it is secret.
 * False if no mechanism fits.
 */
bool client_auth_start(struct client_auth *g, unsigned offered, struct slice user,
    struct slice secret, bool is_token, struct buf *line);

/* Take the reply to the last line.  True: send `line` and wait for another reply.  False: the
 * exchange is over, and step has its end. */
bool client_auth_reply(struct client_auth *g, const struct smtp_peer_reply *r, struct buf *line);

#endif
