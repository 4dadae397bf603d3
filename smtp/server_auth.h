// SPDX-License-Identifier: ISC
/*
 * The server's half of a SASL exchange (RFC 4954): PLAIN (RFC 4616) and LOGIN, up to a name and a password.  Whether
 * they are right is not known here.  Pure; secure.c has the commands around it.
 */
#ifndef SMTP_SERVER_AUTH_H
#define SMTP_SERVER_AUTH_H

#include "base/buf.h"

#define SMTP_AUTH_LINE 12288	/* octets with CRLF (RFC 4954 section 4) */
#define SMTP_USER_MAX 255
#define SMTP_AUTH_MECHANISMS "PLAIN LOGIN"

enum smtp_auth_step {
	SMTP_AUTH_NONE,
	SMTP_AUTH_PLAIN,		/* waits for PLAIN's one response */
	SMTP_AUTH_USER, SMTP_AUTH_PASSWORD,	/* waits for LOGIN's first, second */
	SMTP_AUTH_COMPLETE,		/* user and password are there */
	SMTP_AUTH_FAILED,		/* 501: not base64, or not what the mechanism has */
	SMTP_AUTH_CANCELLED,		/* 501: the client has sent `*` */
	SMTP_AUTH_REFUSED,		/* 535: well formed, and nobody can be that */
};

struct server_auth {
	enum smtp_auth_step step;
	struct slice user, password;	/* in the two buffers below */
	struct buf name;
	struct buf secret;
	char name_space[SMTP_USER_MAX];
	char secret_space[SMTP_AUTH_LINE / 4 * 3];
};

/* Forget all of it; what has held a password is wiped. */
void server_auth_clear(struct server_auth *a);

/* Forget the password; the name stays. */
void server_auth_forget(struct server_auth *a);

/* Begin with that mechanism.  False when there is none of that name. */
bool server_auth_start(struct server_auth *a, struct slice mechanism);

/* What to send with 334, as base64; empty for PLAIN. */
struct slice server_auth_challenge(const struct server_auth *a);

/* A response of the client, in base64 or `*`; `=` is an empty one.  Sets step. */
void server_auth_response(struct server_auth *a, struct slice line);

#endif
