// SPDX-License-Identifier: ISC
/*
 * One question to one server: a socket of its own, connected, so that only this server's
 * packets reach it; over UDP, or TCP for what was truncated.  Non-blocking: the
 * resolver polls many.
 */
#ifndef DNS_EXCHANGE_H
#define DNS_EXCHANGE_H

#include <sys/types.h>

#include "dns/wire.h"

struct exchange {
	int fd;			/* -1: not open */
	short events;		/* what to poll for */
	bool tcp;
	int64_t end_ms;
	const struct wire_query *query;	/* borrowed */
	uint8_t *in;		/* TCP: length and packet, as far as they are here; malloc'ed */
	size_t sent, got;
};

/* 0 or -errno; nothing is open on failure. */
int exchange_open(struct exchange *x, const struct dns_resolver *r, size_t server, const struct wire_query *query,
    bool tcp);

/* After poll(2).  The octets of a packet that replies to the query, 0: go on waiting, -errno: nothing will come
 * of it (-EMSGSIZE: a reply above DNS_ANSWER_CAP). */
ssize_t exchange_step(struct exchange *x, uint8_t packet[DNS_ANSWER_CAP]);

void exchange_close(struct exchange *x);

#endif
