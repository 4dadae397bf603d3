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
#include "net/tls.h"
#include "queue.h"
#include "server/authres.h"
#include "server/print.h"
#include "server/submit.h"
#include "smtp/data.h"
#include "smtp/session.h"

#define MESSAGE_CHUNK 16384		/* decoded at a time */

struct message {
	const struct config *config;
	const struct peer *peer;
	const struct smtp_session *session;
	const struct tls_facts *tls;
	struct queue queue;
	bool printing;			/* print, not queue */
	struct print print;
	bool begun;
	struct smtp_path recipient;	/* the first */
	struct smtp_data data;		/* what the content is like */
	struct smtp_data stored;	/* role = submission: what has become of it */
	struct submit submit;
	struct authres authres;		/* of clients that are not trusted */
	int error;			/* of storing it, -errno: the first */
	char decoded[2 * MESSAGE_CHUNK];
	struct queue_message queued;
};

/* print_fd -1: queue. */
void message_init(struct message *m, const struct config *config, const struct peer *peer,
    const struct smtp_session *session, const struct tls_facts *tls, int print_fd);

/* Is there room for `size` octets besides [queue] min-free?  0, -ENOSPC, or -errno when the queue cannot be used at all. */
int message_room(struct message *m, uint64_t size);

/* MAIL and each RCPT were accepted: from, rcpt and params are the session's.  Errors stick until commit. */
void message_begin(struct message *m);
void message_rcpt(struct message *m);

/* The envelope is complete; our Received field is the first of the content. */
int message_open(struct message *m);

/*
 * The content as it comes from the client, up to and with its final dot.  What is too long or cannot be stored is
 * read to its end all the same.  1 when it has ended, or can no longer be told where it does (data.bare); else what
 * stream_fill() said.
 */
int message_receive(struct message *m, struct stream *client, enum smtp_newlines newlines, int timeout_ms);
/* The same for the octets that a BDAT announced, which are stored as they come. */
int message_chunk(struct message *m, struct stream *client, uint64_t octets, bool last, int timeout_ms);
/* Nothing is stored of what follows: the message failed already, for this reason. */
void message_fail(struct message *m, int error);

/* Durable, or shown.  After -errno nothing is left of it. */
int message_commit(struct message *m);
void message_drop(struct message *m);

/* Its queue ID, until the next begin. */
static inline struct slice
message_id(const struct message *m)
{
	return slice_str(m->queued.id);
}

#endif
