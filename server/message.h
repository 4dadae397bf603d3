// SPDX-License-Identifier: ISC
/*
 * A message on its way in, from MAIL to the final dot: into the queue, or with --print to
 * whoever looks on.  The order is begin, rcpt..., open, receive, commit; drop is right at any time.
 */
#ifndef SERVER_MESSAGE_H
#define SERVER_MESSAGE_H

#include "base/config.h"
#include "net/peer.h"
#include "net/stream.h"
#include "queue.h"
#include "server/print.h"
#include "smtp/data.h"
#include "smtp/session.h"

#define MESSAGE_CHUNK 16384		/* decoded at a time */

struct message {
	const struct config *config;
	const struct peer *peer;
	const struct smtp_session *session;
	struct queue queue;
	bool queue_open;
	bool printing;			/* print, not queue */
	struct print print;
	bool begun;
	struct smtp_path recipient;	/* the first */
	int error;			/* of storing the content, -errno: the first */
	char decoded[2 * MESSAGE_CHUNK];
	struct queue_message queued;
};

/* print_fd -1: queue. */
void message_init(struct message *m, const struct config *config, const struct peer *peer,
    const struct smtp_session *session, int print_fd);

/* Is there room for `size` octets besides [queue] min-free?  0, -ENOSPC, or -errno when the queue cannot be used at all. */
int message_room(struct message *m, uint64_t size);

/* MAIL and each RCPT were accepted: from, rcpt and params are the session's.  Errors stick until commit. */
void message_begin(struct message *m);
void message_rcpt(struct message *m);

/* The envelope is complete; our Received field is the first of the content. */
int message_open(struct message *m);

/*
 * The content as it comes from the client, up to and with its final dot.  What is too long or cannot be stored is
 * read to its end all the same.  1 when it has ended, or can no longer be told where it does (d->bare); else what
 * stream_fill() said.
 */
int message_receive(struct message *m, struct stream *client, enum smtp_newlines newlines, int timeout_ms,
    struct smtp_data *d);

/* Durable, or shown.  After -errno nothing is left of it. */
int message_commit(struct message *m, const struct smtp_data *d);
void message_drop(struct message *m);

/* Its queue ID, until the next begin. */
static inline struct slice
message_id(const struct message *m)
{
	return slice_str(m->queued.id);
}

#endif
