// SPDX-License-Identifier: ISC
/*
 * The frames between a listener and the process that asks Redis about its clients.  Each has a
 * fixed size and one form.
 */
#ifndef SHARED_QUERY_H
#define SHARED_QUERY_H

#include "strangers/strangers.h"

#define QUERY_OCTETS	    40
#define QUERY_ANSWER_OCTETS 8

enum query_kind {
	QUERY_HELLO = 1,	/* wants QUERY_HERE, now or when Redis replies again */
	QUERY_ENTER,		/* may the client have one more connection?  Wants a verdict */
	QUERY_COUNT,		/* a failure of the client; no answer */
	QUERY_OPEN,		/* the connections of the client have changed; no answer */
	QUERY_FORGET,		/* frames were lost: no connection is known; no answer */
};

struct query {
	enum query_kind kind;
	uint32_t number;		/* QUERY_ENTER: that of the verdict */
	struct strangers_key key;	/* the client; none for QUERY_HELLO and QUERY_FORGET */
	uint32_t open;			/* its connections here; QUERY_ENTER: with the new one */
	enum strangers_limit what;	/* QUERY_COUNT: the failure */
	struct strangers_limits limits;	/* QUERY_ENTER, QUERY_COUNT */
};

enum query_answer_kind {
	QUERY_HERE = 1,		/* Redis replies */
	QUERY_AWAY,		/* it does not: each machine has its own limits */
	QUERY_VERDICT,
};

struct query_answer {
	enum query_answer_kind kind;
	uint32_t number;		/* QUERY_VERDICT: of the query */
	enum strangers_limit limit;	/* QUERY_VERDICT: the limit that is passed, or none */
};

/* Members that the kind does not use must be zero. */
void query_encode(const struct query *q, unsigned char ret[QUERY_OCTETS]);
void query_answer_encode(const struct query_answer *a, unsigned char ret[QUERY_ANSWER_OCTETS]);

/* False if the octets are no such frame. */
bool query_parse(const void *octets, size_t n, struct query *ret);
bool query_answer_parse(const void *octets, size_t n, struct query_answer *ret);

#endif
