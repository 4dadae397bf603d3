// SPDX-License-Identifier: ISC
/*
 * The frames between a run of the queue and the process that asks Redis for it.  The moments of
 * destinations with a rate are asked for; what a run has learned of hosts is told.
 */
#ifndef SHARED_TALK_H
#define SHARED_TALK_H

#include "base/buf.h"

#define TALK_NAME_MAX  240	/* of a destination */
#define TALK_FACT_MAX  300
#define TALK_TEXT_MAX  4096	/* of news: a line each */
#define TALK_OCTETS    (32 + TALK_TEXT_MAX)
#define TALK_VALUE_MAX (INT64_C(1) << 53)	/* numbers of Redis' scripts are exact up to it */

enum talk_kind {
	/* From the run: */
	TALK_HELLO = 1,		/* wants TALK_HERE, and news since `since` */
	TALK_ASK,		/* wants TALK_GIVEN */
	TALK_TELL,		/* a fact for other machines; no answer */
	/* From the process: */
	TALK_HERE,		/* Redis replies */
	TALK_AWAY,		/* it does not: this machine is on its own */
	TALK_GIVEN,		/* the moment of a question */
	TALK_NEWS,		/* facts of all machines */
};

struct talk {
	enum talk_kind kind;
	uint32_t number;		/* TALK_ASK, TALK_GIVEN: of the question; not 0 */
	union {
		int64_t since;		/* TALK_HELLO, TALK_NEWS: the place of the last fact */
		int64_t interval_us;	/* TALK_ASK: of the rate */
		int64_t after_us;	/* TALK_GIVEN: from the question to the moment */
	};
	int64_t grace_us, free_us;	/* TALK_ASK: as in struct rates_moment */
	struct slice text;		/* TALK_ASK: the destination; TALK_TELL, TALK_NEWS: facts */
};

/* Append a frame.  Members that the kind does not use must be zero. */
void talk_encode(const struct talk *t, struct buf *ret);

/* False if the octets are no such frame.  The text is borrowed from them. */
bool talk_parse(struct slice octets, struct talk *ret);

#endif
