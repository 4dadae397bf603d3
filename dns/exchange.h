// SPDX-License-Identifier: ISC
/*
 * One question to one server.  The socket is connected, so only packets of this server reach it.
 * UDP; TCP for a reply that was truncated.  Non-blocking: the caller polls several at once.
 */
#ifndef DNS_EXCHANGE_H
#define DNS_EXCHANGE_H

#include <sys/types.h>

#include "dns/wire.h"

struct exchange {
	int fd;			/* -1: not open */
	short events;		/* events for poll(2) */
	bool tcp;
	int64_t start_ms;
	const struct wire_query *query;	/* borrowed */
	uint8_t *in;		/* TCP: length and packet, as received so far; malloc'ed */
	size_t sent, got;
};

/* Open an exchange; query is borrowed until exchange_close().  0 or -errno; after an error nothing
 * is open. */
int exchange_open(struct exchange *x, const struct dns_resolver *r, size_t server,
    const struct wire_query *query, bool tcp);

/* Continue after poll(2).  Returns the octets of a packet that replies to the query; 0: wait again.
 * -errno: the exchange has failed (-EMSGSIZE: the reply is above DNS_ANSWER_CAP). */
ssize_t exchange_step(struct exchange *x, uint8_t packet[DNS_ANSWER_CAP]);

/* Close the socket and free the input.  Safe to call again. */
void exchange_close(struct exchange *x);

#endif
