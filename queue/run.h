// SPDX-License-Identifier: ISC
/*
 * The queue as the runner and its workers see it: messages are claimed from new/ and wait/ into
 * cur/, read, marked, and moved out of cur/ again.  Each move is one rename(2).
 */
#ifndef QUEUE_RUN_H
#define QUEUE_RUN_H

#include <dirent.h>

#include "queue.h"

enum queue_rcpt_state {
	QUEUE_PENDING = 'P',
	QUEUE_DELIVERED = 'D',
	QUEUE_DELIVERED_OWED = 'S',	/* and its sender is still to be told that it was (RFC 3461) */
	QUEUE_RELAYED_OWED = 'R',	/* the same of what another server has got */
	QUEUE_EXPANDED_OWED = 'E',	/* the same of what the addresses of an alias get */
	QUEUE_FAILED = 'F',		/* and its sender told, or not to be told */
};

struct queue_rcpt {
	struct slice path;		/* canonical local@domain (or "postmaster") */
	struct slice domain;		/* part of path; empty for bare postmaster */
	struct slice params;		/* "NOTIFY=... ORCPT=..." */
	off_t at;			/* of the state byte */
	char state;			/* enum queue_rcpt_state, as loaded */
};

/* One message as the runner sees it.  Slices point into `head`. */
struct queue_entry {
	char id[QUEUE_ID_SIZE];
	int fd;				/* read and write, content and state bytes */
	char *head;			/* the envelope, malloc'ed */
	uint64_t content_at, content_size;
	struct queue_facts facts;
	int64_t arrived_us;
	unsigned attempts;
	bool warned;			/* a delay notice went out */
	bool expanded;			/* what aliases have made of another message: its recipients are none */
	struct slice from, from_params, client;
	struct queue_rcpt *rcpts;
	size_t nrcpts;
};

/* One runner at a time: lock state/lock and cur/.  0, -EWOULDBLOCK when another runs, or -errno. Held until exit. */
int queue_lock_runner(const struct queue *q);
/* Somebody has deleted state/, or all that was in it: make it anew.  0 or -errno. */
int queue_renew_state(const struct queue *q);

/* tmp/: complete files nobody writes any more go to new/, incomplete ones are deleted.  Returns how many
 * were brought back, or -errno. */
int queue_recover(const struct queue *q);

/* Somebody who is told of the IDs in cur/; false: enough. */
typedef bool queue_visit(void *ctx, const char *id);

/*
 * Where a walk through a folder stands, so that the next call goes on there: however full the folder, each name is looked at
 * once.  Zeroed before the first call; names is NULL again when the end was reached, or to be so by queue_walk_end.
 */
#define QUEUE_WALK_BUCKETS 64

struct queue_walk {
	DIR *names;
	int64_t bucket;		/* of wait/: its time */
	int64_t due[QUEUE_WALK_BUCKETS];	/* that follow it, in order, as far as they were looked for */
	unsigned ndue;
};
void queue_walk_end(struct queue_walk *w);

/*
 * By rename into cur/: what is in new/; what of wait/ is due, the oldest first; and what is in cur/ already.  each is told of
 * what came until it says false, and may be NULL for the first two.  How many came, or -errno.
 */
int queue_walk_new(const struct queue *q, struct queue_walk *w, queue_visit *each, void *ctx);
int queue_walk_due(const struct queue *q, struct queue_walk *w, int64_t now_s, queue_visit *each, void *ctx);
int queue_walk_cur(const struct queue *q, struct queue_walk *w, queue_visit *each, void *ctx);

/* All of wait/ is due now, which costs one call for each time in it, however many messages share that.  Needs no lock: a runner
 * that watches wait/ sees it.  How many times it was, or -errno. */
int queue_flush(const struct queue *q);
/* When the earliest of wait/ is due (unix seconds), 0 when nothing waits. */
int64_t queue_next_due(const struct queue *q);

/* Open cur/ID and parse its envelope.  0, -EBADMSG when it is no whole message (then queue_bury it), or -errno. */
int queue_load(const struct queue *q, const char *id, struct queue_entry *ret);
void queue_unload(struct queue_entry *e);

/* Read up to n octets of the content, from octet `at` on.  How many: fewer than n only at the end of the content, 0 behind it.
 * -EIO if the file ends before its content does; -errno. */
ssize_t queue_read(const struct queue_entry *e, uint64_t at, char *to, size_t n);

/* One byte, in place. */
int queue_mark(struct queue_entry *e, size_t rcpt, enum queue_rcpt_state state);
int queue_mark_warned(struct queue_entry *e);
/* Append a line to the message's log, which follows its content: the time is put before it. */
int queue_note(struct queue_entry *e, struct slice line);
/* Several at once, each ended by LF: what does not fit a log at all is cut. */
int queue_note_lines(struct queue_entry *e, struct slice lines);
/* The whole log, malloc'ed, for the caller to free.  0 or -errno. */
int queue_log(const struct queue_entry *e, char **ret_text, size_t *ret_n);
/* The last line of the log that queue_note wrote for this path ("<path> ..."), without the time; empty when none.
 * Copied into b. */
void queue_last_note(const struct queue_entry *e, struct slice path, struct buf *b);

/* Out of cur/: finished; to wait/ until due_s (counts the attempt; each time is a folder, so let many share one); to
 * dead/.  0 or -errno. */
int queue_finish(const struct queue *q, const char *id);
int queue_defer(const struct queue *q, struct queue_entry *e, int64_t due_s);
/* To wait/ without having been tried. */
int queue_postpone(const struct queue *q, const struct queue_entry *e, int64_t due_s);
int queue_bury(const struct queue *q, const char *id);

#endif
