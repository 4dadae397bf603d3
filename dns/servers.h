// SPDX-License-Identifier: ISC
/*
 * Experience with the name servers: the time after which each usually replies, and whether it
 * replies to EDNS.  Also the pace of questions, which all processes of a run keep together.
 */
#ifndef DNS_SERVERS_H
#define DNS_SERVERS_H

#include "dns/resolver.h"

/* Bounds of the time after which a question is asked again. */
#define SERVERS_WAIT_MIN_MS     200
#define SERVERS_WAIT_MAX_MS     1500
#define SERVERS_WAIT_UNKNOWN_MS 500	/* for a server that never replied */
/* Time for which a server that replied only without EDNS is asked without it. */
#define SERVERS_PLAIN_S         60
/* Questions that may leave at once. */
#define SERVERS_BURST           32
/* Questions that are under way at once, about, and the bounds of the time between two of them. */
#define SERVERS_UNDER_WAY       64
#define SERVERS_TURN_MIN_US     125
#define SERVERS_TURN_MAX_US     1000
#define SERVERS_CAREFUL_S       10	/* the longest time between them, after a loss */

struct servers {
	struct server_times {
		struct sockaddr_storage address;
		bool known;
		int usual_ms, spread_ms;	/* round trip, and its deviation (RFC 6298) */
		int64_t plain_until_ms;
	} list[DNS_SERVERS_MAX];
	size_t next;			/* the entry to use for a new server */
	int64_t careful_until_ms;	/* a question had no reply in time */
	struct servers_pace *pace;	/* shared by processes; NULL: no pace */
};

void servers_init(struct servers *s);
void servers_done(struct servers *s);

/* Learn from a reply.  took_ms: its round trip; negative: not measured.  plain: the server replied
 * only to the question without EDNS. */
void servers_learn(struct servers *s, const struct sockaddr_storage *address, int took_ms,
    bool plain);

/* The time after which the server is asked again.  s may be NULL. */
int servers_wait_ms(const struct servers *s, const struct sockaddr_storage *address);

/* Is the server to be asked without EDNS?  s may be NULL. */
bool servers_plain(const struct servers *s, const struct sockaddr_storage *address);

/* Learn that a question had no reply in time. */
void servers_lost(struct servers *s);

/* Reserve the next place in the line of questions to a server.  Returns the milliseconds until
 * then. */
int servers_turn_ms(struct servers *s, const struct sockaddr_storage *address);

#endif
