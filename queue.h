// SPDX-License-Identifier: ISC
/*
 * The queue: one file per message.  Only queue.c and queue/ know the folders and the format
 * (smtp-handler-queue(5)).  queue.c explains the order of write, fsync and rename.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/standing.h"

#define QUEUE_ID_LEN  16
#define QUEUE_ID_SIZE (QUEUE_ID_LEN + 1)

/* The folders of the queue as descriptors, and the runner's lock; -1 if it is not opened. */
struct queue {
	int root, tmp, fresh, cur, wait, hold, dead, state, lock;
	int counts;		/* the counters of this process's kind; -1: none */
	/* tmp/ and new/ are another user's: files can be made and renamed there, and nothing can be
	 * listed or synced. */
	bool handing;
	bool names_apart;	/* fsync(2) of a file in tmp/ does not write its name */
	struct queue_lease *lease;	/* queue/lease.h; NULL: the queue has none */
};

enum queue_use {
	QUEUE_RECEIVE,		/* tmp/ and new/: a session needs no more */
	QUEUE_RUN,		/* all folders */
	/* All folders that exist.  Creates none: root would leave folders that are owned by
	 * root. */
	QUEUE_LOOK,
};

/* Open the folders under directory; q is the caller's, for queue_close().  QUEUE_RUN creates
 * missing folders, QUEUE_RECEIVE a missing tmp/ or new/.  A process of root's becomes the user of
 * its use for good (base/owner.h); a new queue is the service's.  0 or -errno. */
int queue_open(struct queue *q, const char *directory, enum queue_use use);
void queue_close(struct queue *q);

/* Was a folder of the queue removed after it was opened?  Its successor is another folder. */
bool queue_stale(const struct queue *q);

/* The cure for an error (-errno) of the queue, for the operator. */
const char *queue_advice(enum queue_use use, int error);

/* Octets that an unprivileged writer may still use on the file system of the queue; or -errno. */
int64_t queue_free_space(const struct queue *q);

/* The file in tmp/ where sessions count failed logins, made if it is missing.  A descriptor or
 * -errno. */
#define QUEUE_LOGINS "logins"
int queue_open_logins(int tmp);

/* Octets of a file of counters (stats/stats.h). */
#define QUEUE_COUNTS_SIZE 24640

/* Is this a queue ID (16 characters of Crockford's base 32, upper case)? */
bool queue_is_id(const char *name);

/* The time at which an ID was made, in seconds since 1970.  The ID must be one. */
int64_t queue_id_time_s(const char *id);

/*
 * Receiving a message.  The order of calls: queue_begin, queue_from, queue_field..., queue_rcpt...,
 * queue_head_end, queue_content..., then queue_commit or queue_abort.  The struct holds the output
 * buffer and is large: keep one and reuse it.  An error sticks: queue_head_end, queue_content and
 * queue_commit return the first one as -errno.  The runner sees nothing of the message unless
 * queue_commit returned 0.
 */
#define QUEUE_BUFFER   65536
#define QUEUE_LATE_MAX 4096	/* octets that may be kept free for late fields */
#define QUEUE_PAD_MIN  16	/* fewest octets of it that may stay unused, except 0 */
#define QUEUE_SPARE    8192	/* octets of the envelope that edits may take */

/* Facts of the content that a delivery needs before it reads the content. */
struct queue_facts {
	bool eight_bit;		/* an octet above 127 anywhere */
	bool utf8_header;	/* an octet above 127 in the header section */
	bool dot_line;		/* a line begins with a dot */
	bool binary;		/* NUL, bare CR or bare LF: DATA cannot carry it */
	bool no_final_crlf;
	uint64_t longest_line;	/* octets, without CRLF */
};

/* The check sum, while a file is written, of all that follows its three fixed lines. */
struct queue_sum {
	uint32_t a, b;
	unsigned fill;		/* octets in the unfinished word */
	unsigned char part[4];
};

/* The correction of a sum for octets that were replaced after they were added.  Zeroed at first. */
struct queue_sum_change {
	/* Differences, and differences times the number of their word. */
	uint32_t words, weighted;
};

struct queue_message {
	char id[QUEUE_ID_SIZE];
	int fd;			/* tmp/ID; -1 until the buffer is first written out */
	int error;		/* the first error, -errno; it sticks */
	uint64_t envelope;	/* octets of the envelope, after queue_head_end() */
	uint64_t recipients;
	uint64_t written;	/* octets that left the buffer */
	struct queue_sum sum;
	struct buf out;
	char space[QUEUE_BUFFER];
	struct buf late;		/* fields that came after the content */
	uint64_t late_at;		/* offset of the late fields in the file */
	char late_space[QUEUE_LATE_MAX];
	bool to_memory;		/* --print: a memfd replaces tmp/ID */
	bool readable;		/* queue_read_back() works */
	bool editable;		/* room for edits is wanted */
	bool again;		/* tmp/ID is the file of a former queue_message */
	uint64_t spare_at;	/* offset of the room for edits; 0: there is none */
	struct queue_sum_change change;	/* by octets that queue_keep_body() replaced */
};

/* Start a message and choose its ID: ordered by time, with a random tail.  Writes nothing to
 * disk. */
void queue_begin(struct queue_message *m);

/* Start a message in memory (memfd), for --print.  The queue is not used. */
void queue_begin_memory(struct queue_message *m);

/* Octets that were written can be read back until queue_commit(), and the envelope of a message
 * that leaves the buffer has QUEUE_SPARE octets for edits.  Before queue_head_end(). */
void queue_keep_editable(struct queue_message *m);

/* Add a field "key: value" to the envelope.  key is a literal of the caller.  Control characters of
 * value become '?', so a value cannot end its line. */
void queue_field(struct queue_message *m, const char *key, struct slice value);

/* Add what the client may do.  user is who has authenticated, or empty. */
void queue_standing(struct queue_message *m, enum standing standing, struct slice user);

/* Set the reverse-path: "from: <path> PARAMS".  path is canonical and has no brackets. */
void queue_from(struct queue_message *m, struct slice path, struct slice params);

/* Add a recipient: "P <path> PARAMS".  path is as for queue_from(). */
void queue_rcpt(const struct queue *q, struct queue_message *m, struct slice path,
    struct slice params);

/* End the envelope.  From now on tmp/ID exists and is locked.  room: octets to keep free in the
 * envelope for fields known only after the content; 0, or QUEUE_PAD_MIN to QUEUE_LATE_MAX.  0 or
 * -errno. */
int queue_head_end(const struct queue *q, struct queue_message *m, size_t room);

/* Add octets of the content.  0 or -errno. */
int queue_content(struct queue_message *m, struct slice content);

/* Add a field of the envelope after the content began, in the room kept by queue_head_end().  0; or
 * -ENOSPC if the room is too small, or if the rest of it is too small for a pad. */
int queue_late_field(struct queue_message *m, const char *key, struct slice value);

/* Read up to n octets of the file so far, from offset `at`.  Their number, 0 behind the last, or
 * -errno. */
ssize_t queue_read_back(const struct queue_message *m, uint64_t at, char *p, size_t n);

/*
 * Write the message once more, with another envelope or content.  The fields and recipients move
 * from *m to a new file of the same ID, except the recipients that drop() chooses; from replaces
 * the reverse-path unless it is NULL.  More may be added, then queue_keep_body() or
 * queue_head_end() follows.  *old gets the former file: it can be read back until queue_forget().
 * 0 or -errno, which sticks to m.
 */
int queue_again(const struct queue *q, struct queue_message *m, struct queue_message *old,
    const struct slice *from, bool (*drop)(void *ctx, struct slice path), void *ctx);

/*
 * Keep the former file, and all its octets from offset `at` on: the envelope of m and that header
 * section take the place of those in front, in one write.  Then queue_commit() follows.  -ENOSPC
 * changes nothing: they do not fit, or the file is not there yet, and queue_head_end() may follow.
 * 0 or -errno, which sticks to m.
 */
int queue_keep_body(struct queue_message *m, struct queue_message *old, struct slice header,
    uint64_t at);

/* Close the former file of queue_again().  Safe after queue_forget(), and on a zeroed struct. */
void queue_forget(struct queue_message *old);

/* Make the message durable and visible in new/.  0 or -errno; after an error the temporary file is
 * removed. */
int queue_commit(const struct queue *q, struct queue_message *m, const struct queue_facts *facts);

/* Remove the message without a trace.  Safe at any time, also after queue_commit(). */
void queue_abort(const struct queue *q, struct queue_message *m);

/* The descriptor of a message in memory, after queue_commit().  Its offset is undefined.  The
 * caller closes it. */
int queue_take_memory(struct queue_message *m);

#endif
