// SPDX-License-Identifier: ISC
/*
 * The queue: one message, one file.  The only code that knows the folders and
 * the format (queue(5), man/smtp-handler-queue.5).  See queue.c for the order of write, fsync
 * and rename and why it is that one.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define QUEUE_ID_LEN  16
#define QUEUE_ID_SIZE (QUEUE_ID_LEN + 1)

/* The folders, as descriptors: -1 where not opened. */
struct queue {
	int root, tmp, fresh, cur, wait, hold, dead, state;
};

enum queue_use {
	QUEUE_RECEIVE,		/* tmp/ and new/: all a session needs */
	QUEUE_RUN,		/* everything */
	QUEUE_LOOK,		/* everything that is there: creates nothing, so that root may look without leaving folders that are root's */
};

/* Open (and for QUEUE_RUN or where tmp/ or new/ is missing: create, mode 0700) the folders under
 * directory.  0 or -errno. */
int queue_open(struct queue *q, const char *directory, enum queue_use use);
void queue_close(struct queue *q);

/* Octets that an unprivileged writer may still use on the queue's file system; -errno on failure. */
int64_t queue_free_space(const struct queue *q);

/* Is this a queue ID (16 characters of Crockford's base 32, upper case)? */
bool queue_is_id(const char *name);

/*
 * Receiving.  begin, from, field..., rcpt..., head_end, content..., commit or abort.
 * The struct is large (it holds the output buffer): keep one, reuse it.  Errors
 * stick: head_end, content and commit return the first one as -errno, and nothing of the message
 * is ever visible to the runner unless commit returned 0.
 */
#define QUEUE_BUFFER   65536
#define QUEUE_LATE_MAX 4096	/* octets that may be kept free for late fields */
#define QUEUE_PAD_MIN  16	/* what is left of them, but not used: nothing, or at least so much */

/* What a delivery must know of the content without reading it. */
struct queue_facts {
	bool eight_bit;		/* an octet above 127 anywhere */
	bool utf8_header;	/* an octet above 127 in the header section, or SMTPUTF8 asked for */
	bool dot_line;		/* a line begins with a dot */
	bool binary;		/* NUL, bare CR or bare LF somewhere (BDAT only), so DATA cannot carry it */
	bool no_final_crlf;
	uint64_t longest_line;	/* octets, without CRLF */
};

/* The check sum of what follows the three fixed lines, while it is being written. */
struct queue_sum {
	uint32_t a, b;
	unsigned fill;		/* octets in the unfinished word */
	unsigned char part[4];
};

struct queue_message {
	char id[QUEUE_ID_SIZE];
	int fd;			/* of tmp/ID; -1 until the buffer has to go out */
	int error;		/* sticky, -errno */
	uint64_t envelope;	/* octets, once the head has ended */
	uint64_t written;	/* octets that left the buffer */
	struct queue_sum sum;
	struct buf out;
	char space[QUEUE_BUFFER];
	struct buf late;		/* fields that came after the content */
	uint64_t late_at;		/* where their room is */
	char late_space[QUEUE_LATE_MAX];
	bool to_memory;		/* --print: a memfd in place of tmp/ID */
};

/* Start a message; picks its ID (time-ordered, unguessable tail).  Touches no disk. */
void queue_begin(struct queue_message *m);
/* The same into memory (memfd), for --print: q is then never touched. */
void queue_begin_memory(struct queue_message *m);

/* Header lines "key: value".  Keys are the caller's literals; a value's control characters are
 * replaced by '?', so it cannot end the line. */
void queue_field(struct queue_message *m, const char *key, struct slice value);
/* "from: <path> PARAMS" and a recipient "P <path> PARAMS".  path is canonical, without the brackets. */
void queue_from(struct queue_message *m, struct slice path, struct slice params);
void queue_rcpt(const struct queue *q, struct queue_message *m, struct slice path, struct slice params);

/* End the envelope.  From here tmp/ID exists and is locked.  room: octets to keep free in the envelope for fields that
 * are known only after the content, 0 or QUEUE_PAD_MIN to QUEUE_LATE_MAX. */
int queue_head_end(const struct queue *q, struct queue_message *m, size_t room);
int queue_content(struct queue_message *m, struct slice content);
/* A field of the envelope after (or between) the content, in the room that queue_head_end() kept.  0; -ENOSPC if the room
 * is too small for it, and what is left of the room too small for a pad. */
int queue_late_field(struct queue_message *m, const char *key, struct slice value);
/* Durable, and visible in new/.  After -errno nothing is there (the temporary file is gone). */
int queue_commit(const struct queue *q, struct queue_message *m, const struct queue_facts *facts);
/* Drop it: no trace is left.  Safe at any time, also after commit. */
void queue_abort(const struct queue *q, struct queue_message *m);
/* After a commit of a memory message: its descriptor, positioned nowhere in particular; the caller closes it. */
int queue_take_memory(struct queue_message *m);

#endif
