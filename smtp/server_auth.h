// SPDX-License-Identifier: ISC
/*
 * The server's half of a SASL exchange: PLAIN and LOGIN, up to a name and a password (RFC 4954,
 * RFC 4616).  This module does not check them.  Pure.
 */
#ifndef SMTP_SERVER_AUTH_H
#define SMTP_SERVER_AUTH_H

#include "base/buf.h"

#define SMTP_AUTH_LINE 12288	/* octets with CRLF (RFC 4954 section 4) */
#define SMTP_USER_MAX 255
#define SMTP_AUTH_MECHANISMS "PLAIN LOGIN"

enum smtp_auth_step {
	SMTP_AUTH_NONE,
	SMTP_AUTH_PLAIN,	/* PLAIN waits for its only response */
	SMTP_AUTH_USER,		/* LOGIN waits for the name */
	SMTP_AUTH_PASSWORD,	/* LOGIN waits for the password */
	SMTP_AUTH_COMPLETE,	/* name and password have come */
	SMTP_AUTH_FAILED,	/* 501: not base64, or not the form of the mechanism */
	SMTP_AUTH_CANCELLED,	/* 501: the client sent `*` */
	SMTP_AUTH_REFUSED,	/* 535: well-formed, but no user can have this name */
};

struct server_auth {
	enum smtp_auth_step step;
	struct slice user, password;	/* in name and in secret */
	struct buf name;
	struct buf secret;
	char name_space[SMTP_USER_MAX];
	char secret_space[SMTP_AUTH_LINE / 4 * 3];
};

/* Forget name and password, and wipe the room of the password. */
void server_auth_clear(struct server_auth *a);

/* Wipe the password; the name stays. */
void server_auth_forget(struct server_auth *a);

/* The user has another name than the one that the client gave. */
void server_auth_rename(struct server_auth *a, struct slice user);

/* Begin an exchange.  False if the mechanism is unknown. */
bool server_auth_start(struct server_auth *a, struct slice mechanism);

/* The text of a 334 reply, in base64; empty for PLAIN. */
struct slice server_auth_challenge(const struct server_auth *a);

/* Take a response: base64, `=` for an empty one, or `*` to cancel.  It sets step. */
void server_auth_response(struct server_auth *a, struct slice line);

#endif
