// SPDX-License-Identifier: ISC
/*
 * The milter protocol, versions 2 to 6, as a filter speaks it to its server.  Octets of the server
 * become steps, and answers are built in the caller's buffer.  Pure: the server is not trusted, and
 * a packet that the protocol does not allow is FILTER_BROKEN.
 */
#ifndef MILTER_FILTER_H
#define MILTER_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define FILTER_PACKET_MAX 262144	/* octets of a packet, with its command */
#define FILTER_MACRO_MAX  256

enum filter_kind {
	FILTER_MORE,		/* the packet is not complete yet */
	FILTER_BROKEN,
	FILTER_OPTIONS,		/* answer with filter_put_options() */
	FILTER_CONNECT,		/* value: an address, empty if it is none; name: the client's */
	FILTER_HELO,		/* value: the name */
	FILTER_MAIL,		/* value: the path in <> */
	FILTER_RCPT,		/* value: the path in <> */
	FILTER_DATA,
	FILTER_FIELD,		/* name, value: its lines end in LF, but the last one */
	FILTER_HEADER_END,
	FILTER_BODY,		/* value */
	FILTER_END,		/* value: the last octets of the body, often none */
	FILTER_ABORT,		/* the message ends without a result; the session goes on */
	FILTER_UNKNOWN,		/* an unknown command of the client */
	FILTER_QUIT,
	FILTER_QUIT_SESSION,	/* the connection stays for another session */
};

/* The slices point into the struct filter until the next call. */
struct filter_step {
	enum filter_kind kind;
	bool answer;		/* the server waits for an answer */
	bool ipv6;		/* of an address */
	struct slice name, value;
};

struct filter {
	uint32_t version, actions;	/* as they were offered */
	uint32_t steps;		/* as they were agreed */
	bool agreed;
	size_t got;
	/* Macros of the server, empty without a value. */
	char hostname[FILTER_MACRO_MAX];	/* j */
	char id[FILTER_MACRO_MAX];		/* i */
	char user[FILTER_MACRO_MAX];		/* {auth_authen} */
	char in[4 + FILTER_PACKET_MAX];
};

void filter_begin(struct filter *f);
void filter_take(struct filter *f, struct slice *in, struct filter_step *ret);

/* Agree on what was offered.  rcpt: the filter wants to see recipients.  False if the server does
 * not allow what this filter needs: to insert and to change fields. */
bool filter_put_options(struct filter *f, struct buf *out, bool rcpt);

/* Do the values of fields have the blank behind their colon? */
bool filter_keeps_blank(const struct filter *f);

/* Answers to a step: 'c' continue, 'a' accept, 't' try again later. */
void filter_put_answer(struct buf *out, char command);
/* Refuse with a reply such as "550 5.7.1 No.". */
void filter_put_reply(struct buf *out, struct slice reply);
/* At the end of a message, before its answer: insert a field on top, remove the nth field of a
 * name (from 1). */
void filter_put_insert(const struct filter *f, struct buf *out, struct slice name,
    struct slice value);
void filter_put_remove(struct buf *out, struct slice name, uint32_t n);

#endif
