// SPDX-License-Identifier: ISC
/*
 * Limits of time for a client: the whole session, the rate of a message, and the wait for the
 * greeting.
 */
#ifndef SESSION_LIMITS_H
#define SESSION_LIMITS_H

#include "config/config.h"
#include "net/stream.h"

/* The time for the whole session begins. */
void limits_session(struct stream *client, const struct config *config);

/* [server] min-rate holds until limits_message_end().  It is for sockets only: people type
 * slowly. */
void limits_message(struct stream *client, const struct config *config);
void limits_message_end(struct stream *client);

/* Has the client sent octets before the greeting? */
bool limits_early(const struct stream *client);

/* The value of the log field `end`.  error: the result of the last read.  NULL: the connection is
 * lost. */
const char *limits_reason(const struct stream *client, int error);

#endif
