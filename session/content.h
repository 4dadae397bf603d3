// SPDX-License-Identifier: ISC
/*
 * A message on its way in, from MAIL to the final dot: into the queue, or with --print to
 * whoever looks on.  The order is begin, rcpt..., open, receive, commit; drop is right at any time.
 */
#ifndef SESSION_CONTENT_H
#define SESSION_CONTENT_H

#include "config/config.h"
#include "net/peer.h"
#include "net/stream.h"
#include "net/tls.h"
#include "queue.h"
#include "message/results.h"
#include "session/print.h"
#include "message/submission.h"
#include "smtp/data.h"
#include "smtp/server.h"

#define CONTENT_CHUNK 16384		/* decoded at a time */

struct content {
	const struct config *config;
	const struct peer *peer;
	const struct server_session *session;
	const struct tls_facts *tls;
	struct queue queue;
	bool printing;			/* print, not queue */
	struct print print;
	bool begun;
	struct smtp_path recipient;	/* the first */
	struct smtp_data data;		/* what the content is like */
	struct smtp_data stored;	/* role = submission: what has become of it */
	struct submission submit;
	struct results authres;		/* of clients that are not trusted */
	int error;			/* of storing it, -errno: the first */
	char decoded[2 * CONTENT_CHUNK];
	struct queue_message queued;
};

/* print_fd -1: queue. */
void content_init(struct content *m, const struct config *config, const struct peer *peer,
    const struct server_session *session, const struct tls_facts *tls, int print_fd);

/* Is there room for `size` octets besides [queue] min-free?  0, -ENOSPC, or -errno when the queue cannot be used at all. */
int content_room(struct content *m, uint64_t size);

/* MAIL and each RCPT were accepted: from, rcpt and params are the session's.  Errors stick until commit. */
void content_begin(struct content *m);
void content_rcpt(struct content *m);

/* The envelope is complete; our Received field is the first of the content. */
int content_open(struct content *m);

/*
 * The content as it comes from the client, up to and with its final dot.  What is too long or cannot be stored is
 * read to its end all the same.  1 when it has ended, or can no longer be told where it does (data.bare); else what
 * stream_fill() said.
 */
int content_receive(struct content *m, struct stream *client, enum smtp_newlines newlines, int timeout_ms);
/* The same for the octets that a BDAT announced, which are stored as they come. */
int content_chunk(struct content *m, struct stream *client, uint64_t octets, bool last, int timeout_ms);
/* Nothing is stored of what follows: the message failed already, for this reason. */
void content_fail(struct content *m, int error);

/* Durable, or shown.  After -errno nothing is left of it. */
int content_commit(struct content *m);
void content_drop(struct content *m);

/* Its queue ID, until the next begin. */
static inline struct slice
content_id(const struct content *m)
{
	return slice_str(m->queued.id);
}

#endif
