// SPDX-License-Identifier: ISC
/*
 * Tickets of a session with a host: the one that is offered, and the one that the host gives.
 * Private to the room.
 */
#ifndef CLIENT_TICKET_H
#define CLIENT_TICKET_H

#include "attempt/attempt.h"
#include "client/link.h"
#include "net/tls.h"

/* A ticket for a handshake over l under this demand, borrowed until the next call; empty: there is
 * none. */
struct slice ticket_take(const struct attempt_sink *sink, const struct smtp_link *l,
    const struct tls_demand *d);

/* The session has begun: leave its ticket to others. */
void ticket_leave(const struct attempt_sink *sink, const struct smtp_link *l,
    const struct tls_demand *d);

/* The handshake has failed with a ticket: the host gets no other. */
void ticket_spurn(const struct attempt_sink *sink, const struct smtp_link *l,
    const struct tls_demand *d);

#endif
