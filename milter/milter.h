// SPDX-License-Identifier: ISC
/*
 * The milter protocol, version 6, as the server speaks it to a filter.  Packets are built in the
 * caller's buffer, and octets from the filter become answers.  Pure: the filter is not trusted, and
 * anything that the protocol does not allow is MILTER_BROKEN.
 */
#ifndef MILTER_MILTER_H
#define MILTER_MILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define MILTER_DATA_MAX	  65535		/* octets of a packet to a filter, behind its command */
#define MILTER_PACKET_MAX 262144	/* octets of a packet from a filter, with its command */
#define MILTER_MACROS_MAX 512		/* octets of a list of names */
#define MILTER_TEXT_MAX	  2048		/* octets of a reply's text */

/* In the order of a session. */
enum milter_step {
	MILTER_CONNECT, MILTER_HELO, MILTER_MAIL, MILTER_RCPT, MILTER_DATA, MILTER_FIELD,
	MILTER_HEADER_END, MILTER_BODY, MILTER_END, MILTER_STEPS,
};

enum milter_kind {
	MILTER_MORE,		/* the packet is not complete yet */
	MILTER_BROKEN,		/* no answer that the protocol allows here */
	/* The answers that end a step. */
	MILTER_CONTINUE,
	MILTER_ACCEPT,		/* the filter wants no more of this message, or of the session */
	MILTER_REFUSE,		/* code and text */
	MILTER_DISCARD,
	MILTER_SKIP,		/* no more of the body */
	/* The filter works: its time begins anew. */
	MILTER_WORKING,
	/* Edits, at the end of a message. */
	MILTER_ADD_FIELD, MILTER_INSERT_FIELD, MILTER_CHANGE_FIELD,	/* index, name, value */
	MILTER_NEW_BODY,						/* value */
	MILTER_ADD_RCPT, MILTER_DROP_RCPT, MILTER_NEW_SENDER,		/* value: an address */
	MILTER_QUARANTINE,						/* value: the reason */
};

/* The slices point into the struct milter until the next call. */
struct milter_answer {
	enum milter_kind kind;
	int code;		/* 400 to 599 */
	uint32_t index;
	struct slice text;	/* of a reply: lines with '\n' between them */
	struct slice name, value;
};

struct milter {
	bool agreed;		/* the options are negotiated */
	uint32_t actions, steps;
	size_t got;		/* octets of the packet so far */
	struct buf text;
	char text_space[MILTER_TEXT_MAX];
	char macros[MILTER_STEPS][MILTER_MACROS_MAX];	/* names; empty: the usual ones */
	char in[4 + MILTER_PACKET_MAX];
};

void milter_begin(struct milter *m);
/* The first packet: what this server can do. */
void milter_put_options(struct buf *out);

/* Does the filter want the step, and does it answer it? */
bool milter_wants(const struct milter *m, enum milter_step step);
bool milter_answers(const struct milter *m, enum milter_step step);
/* Do the values of fields keep the blank behind the colon? */
bool milter_keeps_blank(const struct milter *m);

/* Start and end a packet of a step; the caller adds its data in between.  The place is for the
 * end.  Data that does not fit makes the buffer full. */
size_t milter_open(struct buf *out, enum milter_step step);
void milter_close(struct buf *out, size_t place);
/* Octets of data, with a NUL behind them; a NUL in them becomes a blank. */
void milter_put_string(struct buf *out, struct slice text);
/* A packet without data: 'A' ends a message, 'Q' the session. */
void milter_put_bare(struct buf *out, char command);

/* The names of the macros for a step, as the filter wants them or as Postfix sends them. */
struct slice milter_macros(const struct milter *m, enum milter_step step);
/* Takes the next name from a list, without its braces.  False at the end. */
bool milter_macro_next(struct slice *list, struct slice *ret);
/* Start a packet of macros for a step; milter_close() ends it. */
size_t milter_open_macros(struct buf *out, enum milter_step step);
void milter_put_macro(struct buf *out, struct slice name, struct slice value);

/*
 * Take octets of the filter from *in, at most to the end of one packet, and find its answer to the
 * step.  The answer to the options is MILTER_CONTINUE.
 */
void milter_take(struct milter *m, struct slice *in, enum milter_step step,
    struct milter_answer *ret);

#endif
