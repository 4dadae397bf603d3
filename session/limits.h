// SPDX-License-Identifier: ISC
/*
 * How long a client may take, how slowly it may send, and whether it waits for its turn.
 */
#ifndef SESSION_LIMITS_H
#define SESSION_LIMITS_H

#include "config/config.h"
#include "net/stream.h"

/* The whole session has to be over by then. */
void limits_session(struct stream *client, const struct config *config);

/* While a message comes: [server] min-rate.  Not for what is typed or piped, which stream_init() left without. */
void limits_message(struct stream *client, const struct config *config);
void limits_message_end(struct stream *client);

/* Has it sent something before the greeting? */
bool limits_early(const struct stream *client);

/* The session's `end` in the log for what reading from the client came to, 0 or -errno; NULL: the connection is lost. */
const char *limits_reason(const struct stream *client, int error);

#endif
