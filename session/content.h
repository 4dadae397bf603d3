// SPDX-License-Identifier: ISC
/*
 * A message on its way in, from MAIL to the final dot: into the queue, or with --print to a
 * descriptor.  The order is begin, rcpt, open, receive or chunk, check, commit; drop is right at
 * any time.
 */
#ifndef SESSION_CONTENT_H
#define SESSION_CONTENT_H

#include "message/facts.h"
#include "queue.h"
#include "session/filters.h"
#include "session/print.h"
#include "smtp/data.h"
#include "smtp/server.h"

#define CONTENT_CHUNK 16384		/* octets that are decoded at a time */

struct session;

struct content {
	struct queue queue;
	bool printing;			/* instead of queueing */
	struct print print;
	bool begun;
	struct smtp_path recipient;	/* the first */
	struct smtp_data data;		/* the decoder of DATA */
	uint64_t octets;		/* from the client, decoded */
	struct filters filters;
	struct facts facts;		/* facts about the stored octets */
	uint64_t own;			/* octets of our Received field */
	uint64_t unchecked;		/* octets stored since a look at the free space */
	int error;			/* the first error of storing, -errno */
	bool senders_unread;		/* the error is that of the list of senders' addresses */
	bool elsewhere;			/* another machine has the queue */
	char decoded[2 * CONTENT_CHUNK];
	struct queue_message queued;
};

/* print_fd is -1 if messages are to be queued. */
void content_init(struct content *c, int print_fd);

/* Find the queue that the process has opened.  0; -EREMOTE if another machine has it; -errno. */
int content_find_queue(struct content *c);

/* Is there room for `size` octets besides [queue] min-free?  0, -ENOSPC, or -errno if the queue
 * cannot be used. */
int content_room(struct session *s, uint64_t size);

/* MAIL or RCPT was accepted.  Errors stick until commit. */
void content_begin(struct session *s);
void content_rcpt(struct session *s);

/* The envelope is complete.  Our Received field becomes the first of the content. */
int content_open(struct session *s);

/*
 * The content that follows DATA, with its final dot.  Content that is too long or cannot be stored
 * is read to its end all the same.  1 if it has ended, or if its end cannot be known because of a
 * bare CR or LF; else as stream_fill().
 */
int content_receive(struct session *s);
/* Receive the octets that a BDAT announced.  They are stored as they are.  Returns as
 * content_receive(). */
int content_chunk(struct session *s);
/* Receive the octets of a refused BDAT, and store nothing.  Returns as content_receive(). */
int content_discard(struct session *s);
/* The message has failed.  The rest of it is not stored. */
void content_fail(struct content *c, int error);

/* Is the content wrong, as far as it has come?  SMTP_DATA_QUEUED if not. */
enum smtp_data_result content_check(const struct session *s);
/* Store octets that a filter has made, after queue_again(). */
void content_again(struct session *s);
/* After queue_keep_body(): facts of the edited message. */
void content_new_header(struct session *s, struct slice header);
int content_store(struct session *s, struct slice octets);
/* Make the message durable, or show it.  After -errno nothing is left of it. */
int content_commit(struct session *s);
void content_drop(struct content *c);

/* The queue ID, until the next begin. */
static inline struct slice
content_id(const struct content *c)
{
	return slice_str(c->queued.id);
}

#endif
