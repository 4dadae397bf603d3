// SPDX-License-Identifier: ISC
/*
 * The one table of ESMTP extensions.  A row has the keyword of the EHLO reply and its argument, as
 * a server writes and as a client reads it.  It also has the clients to which the server offers the
 * extension, and the parameters of MAIL and RCPT.  A new extension is a value of the enum and a
 * row.  Pure.
 */
#ifndef SMTP_EXTENSION_H
#define SMTP_EXTENSION_H

#include "smtp/reply.h"

#define SMTP_HOLD_MAX_S (28 * 86400)	/* the longest time that FUTURERELEASE holds a message */

/* BODY: the form of the content to come (RFC 6152, RFC 3030). */
enum smtp_body {
	SMTP_BODY_UNKNOWN,
	SMTP_BODY_7BIT,
	SMTP_BODY_8BITMIME,
	SMTP_BODY_BINARYMIME,
};

/* In the order of the EHLO reply. */
enum smtp_extension_id {
	SMTP_EXT_NONE,
	SMTP_EXT_PIPELINING,		/* RFC 2920 */
	SMTP_EXT_SIZE,			/* RFC 1870 */
	SMTP_EXT_8BITMIME,		/* RFC 6152 */
	SMTP_EXT_SMTPUTF8,		/* RFC 6531 */
	SMTP_EXT_ENHANCEDSTATUSCODES,	/* RFC 2034 */
	SMTP_EXT_CHUNKING,		/* RFC 3030 */
	SMTP_EXT_BINARYMIME,		/* RFC 3030 */
	SMTP_EXT_DSN,			/* RFC 3461 */
	SMTP_EXT_MT_PRIORITY,		/* RFC 6710 */
	SMTP_EXT_DELIVERBY,		/* RFC 2852 */
	SMTP_EXT_LIMITS,		/* RFC 9422 */
	SMTP_EXT_FUTURERELEASE,		/* RFC 4865 */
	SMTP_EXT_REQUIRETLS,		/* RFC 8689 */
	SMTP_EXT_STARTTLS,		/* RFC 3207 */
	SMTP_EXT_AUTH,			/* RFC 4954 */
	SMTP_EXT_XCLIENT,		/* Postfix's XCLIENT_README */
	SMTP_EXTENSIONS
};

enum smtp_command { SMTP_OF_MAIL, SMTP_OF_RCPT };

/* The parameter in the envelope of a copy for the members of an alias. */
enum smtp_copy {
	SMTP_COPY_AS_IT_IS,
	SMTP_COPY_TIME_LEFT,		/* BY: part of the time has passed */
	SMTP_COPY_NOT_OF_LIST,		/* the request of a sender ends at a list with an owner */
	SMTP_COPY_NEVER,		/* dropped: the release time has passed */
};

struct server_session;
struct client_offer;

struct smtp_parameter {
	struct slice keyword;		/* empty: no parameter */
	enum smtp_command of;
	/* One of the two checks a client's value; value.p is NULL without an '='. */
	bool (*valid)(struct slice value);
	/* The other also writes to the session, and may change *value or *refusal. */
	bool (*check)(struct server_session *s, struct slice *value, struct smtp_reply *refusal);
	struct slice syntax;		/* 501: the text for a value that is not valid */
	bool xtext;			/* the value is xtext, or ends in it */
	bool harmless;			/* a tolerant server takes it although it is not offered */
	bool kept;			/* the envelope keeps it */
	bool passed;			/* to a peer that announces the extension */
	/* NULL: every value is passed.  Else only those are that every peer takes. */
	bool (*portable)(struct slice value);
	/* Writes a value that is not ASCII for a peer without SMTPUTF8; NULL: none is passed. */
	void (*put_ascii)(struct slice value, struct buf *b);
	enum smtp_copy copy;		/* of MAIL; smtp_dsn_copy_rcpt() copies those of RCPT */
};

#define SMTP_EXT_PARAMETERS 4		/* the most that one extension brings */

struct smtp_extension {
	struct slice keyword;
	/* The server's half. */
	bool (*offered)(const struct server_session *s);	/* NULL: to every client */
	void (*put_argument)(struct buf *b, const struct server_session *s);	/* NULL: none */
	/* The client's half: read the argument; false if it is invalid.  NULL: no argument is
	 * read. */
	bool (*read_argument)(struct client_offer *o, struct slice argument);
	enum smtp_extension_id needs;	/* not announced without this one */
	const char *lack;		/* the cause, if a message needs it and a peer lacks it */
	struct smtp_parameter parameters[SMTP_EXT_PARAMETERS];
};

const struct smtp_extension *smtp_extension(enum smtp_extension_id id);

/* The extension with this keyword, in any case; SMTP_EXT_NONE if there is none. */
enum smtp_extension_id smtp_extension_find(struct slice keyword);

/* The parameter of a command with this keyword, and its extension; NULL if there is none. */
const struct smtp_parameter *smtp_parameter_find(struct slice keyword, enum smtp_command of,
    enum smtp_extension_id *ret);

/* Does a parameter of the extension stand among these? */
bool smtp_extension_used(struct slice params, enum smtp_extension_id id);

/* Add the parameter that asks for the extension, without a value. */
void smtp_extension_ask(struct buf *params, enum smtp_extension_id id);

/* Does the server offer the extension to this client, now? */
bool smtp_extension_offered(enum smtp_extension_id id, const struct server_session *s);

/* Add "\nKEYWORD argument" to b for each extension that the server offers to this client. */
void smtp_extension_put_all(struct buf *b, const struct server_session *s);

#endif
