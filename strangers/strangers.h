// SPDX-License-Identifier: ISC
/*
 * The memory of a listener for the addresses of its clients: open connections, and failures of the
 * last minute or hour.  An IPv4 address is one client, and so is an IPv6 network of 64 bits.
 *
 * The table has a fixed size.  A place with an open connection keeps its client.  Another place
 * goes to the next client that needs one, and the place with the least to remember goes first.  A
 * secret decides where a client may have its place, so nobody can aim at the place of another.
 */
#ifndef STRANGERS_STRANGERS_H
#define STRANGERS_STRANGERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define STRANGERS_WAYS 8	/* places among which a client has its own */
#define STRANGERS_NONE UINT32_MAX

enum strangers_limit {
	STRANGERS_CONNECTIONS,	/* at a time */
	STRANGERS_RATE,		/* new connections a minute */
	STRANGERS_LOGINS,	/* failed logins an hour */
	STRANGERS_RECIPIENTS,	/* refused recipients an hour */
	STRANGERS_PROBES,	/* transactions an hour from the null path, without a message */
	STRANGERS_LIMITS,	/* the number of limits; as a result: none is passed */
};

struct strangers_limits {
	uint64_t most[STRANGERS_LIMITS];	/* at most 1000000; 0: any number */
};

struct strangers_key {
	uint64_t prefix;
	uint8_t bits;		/* 32 or 64; 0: none */
};

struct stranger {
	struct strangers_key key;
	uint32_t open;		/* connections */
	uint32_t refused;	/* connections since the last line in the log */
	int64_t at_ms;		/* the time for which the levels hold */
	int64_t mentioned_ms;	/* the last line in the log; 0: none */
	/* An event adds the milliseconds of its period; each millisecond takes the limit off. */
	uint64_t level[STRANGERS_LIMITS];
};

struct strangers {
	struct stranger *places;
	uint32_t n;
	uint64_t secret[2];
};

/* Use n places, which are zeros and stay the caller's.  n is a power of two from STRANGERS_WAYS. */
void strangers_init(struct strangers *s, struct stranger *places, uint32_t n,
    const uint64_t secret[2]);

/* The client at an address.  False if sa is NULL or neither IPv4 nor IPv6. */
bool strangers_key(const struct sockaddr *sa, struct strangers_key *ret);

/*
 * Count a new connection, unless that passes a limit.  Returns the limit, or STRANGERS_LIMITS with
 * the client's place, which holds until strangers_leave().  The place is STRANGERS_NONE if other
 * connections keep all that this client may have: the client is then not counted.  A refused
 * connection is not counted as a new one.
 */
enum strangers_limit strangers_enter(struct strangers *s, const struct strangers_limits *limits,
    const struct strangers_key *key, int64_t now_ms, uint32_t *ret_place);

/* strangers_enter() has counted a connection that is refused for another reason: take it back. */
void strangers_withdraw(struct strangers *s, const struct strangers_limits *limits,
    uint32_t place);

/* A connection has ended.  The place may be STRANGERS_NONE. */
void strangers_leave(struct strangers *s, uint32_t place);

/* Count a failure of the client with an open connection. */
void strangers_count(struct strangers *s, const struct strangers_limits *limits, uint32_t place,
    enum strangers_limit what, int64_t now_ms);

/* Does some client have failures that still count? */
bool strangers_remember(const struct strangers *s, const struct strangers_limits *limits,
    int64_t now_ms);

/* A connection of the client was refused.  The number of those since the last line in the log if a
 * new line is due, else 0: a client has one line a minute. */
uint32_t strangers_mention(struct strangers *s, const struct strangers_key *key, int64_t now_ms);

#endif
