// SPDX-License-Identifier: ISC
/*
 * The queue for the runner and its workers.  Messages are claimed from new/ and wait/ into cur/,
 * read, marked, and moved out of cur/.  Each move is one rename(2).
 */
#ifndef QUEUE_RUN_H
#define QUEUE_RUN_H

#include <dirent.h>

#include "queue.h"

enum queue_rcpt_state {
	QUEUE_PENDING = 'P',
	QUEUE_DELIVERED = 'D',
	/* Delivered; a success notice is still owed (RFC 3461 section 5.2). */
	QUEUE_DELIVERED_OWED = 'S',
	QUEUE_RELAYED_OWED = 'R',	/* given to another server; a notice is still owed */
	/* Given to the members of an alias; a notice is still owed. */
	QUEUE_EXPANDED_OWED = 'E',
	QUEUE_FAILED = 'F',		/* failed; a notice was sent or is not wanted */
};

struct queue_rcpt {
	struct slice path;		/* canonical local@domain, or "postmaster" */
	struct slice domain;		/* part of path; empty for "postmaster" */
	struct slice params;		/* "NOTIFY=... ORCPT=..." */
	off_t at;			/* offset of the state octet */
	char state;			/* enum queue_rcpt_state, as it was when loaded */
};

/* Some lines of an envelope: from this octet of the file to before that one. */
struct queue_lines {
	uint32_t from, to;
};

/* Some recipients of a message. */
struct queue_part {
	/* Lines of recipients and of nothing else.  All recipients are in them. */
	struct queue_lines lines;
	const uint32_t *at;		/* the offsets of their states, ascending */
	size_t n;
};

/* One message that was loaded.  The slices point into `head`. */
struct queue_entry {
	char id[QUEUE_ID_SIZE];
	int fd;				/* for reading and writing: content and state octets */
	char *head;			/* the envelope, malloc'ed */
	uint64_t content_at, content_size;
	struct queue_facts facts;
	int64_t arrived_us;
	unsigned attempts;
	bool warned;			/* a delay notice was sent */
	/* Made by expanding an alias: its recipients are not expanded again. */
	bool expanded;
	bool report;			/* one of our own about other mail (protocol: report) */
	/* A file without this field counts as a stranger's. */
	enum standing standing;
	struct slice user;		/* who had authenticated, or empty */
	struct slice from, from_params, client;
	bool verp;			/* each recipient has a reverse-path of its own */
	struct slice quarantine;	/* why a filter wants it held; empty: none does */
	struct slice junk;		/* the mark of a filter; empty: there is none */
	struct queue_rcpt *rcpts;
	size_t nrcpts;
	bool others;			/* the file has recipients that were not loaded */
	struct queue_lines lines;	/* of all recipients; 0, 0: they have others between them */
	const struct queue_lease *lease;	/* of its queue; NULL: there is none */
};

/* Lock state/lock and cur/ until queue_close(), so that one runner works at a time.  q->lock is the
 * lock on cur/: a worker that keeps it open shares the lock.  0, -EWOULDBLOCK if another runner
 * lives, or -errno. */
int queue_lock_runner(struct queue *q);

/* Take the lock file away from a runner of another machine, whose lease has ended.  Its server may
 * keep locks of a machine that is gone.  0 or -errno. */
int queue_break_lock(const struct queue *q);

/* Create state/ again after it was deleted or emptied.  0 or -errno. */
int queue_renew_state(const struct queue *q);

/* Gets one ID of cur/.  False ends the walk. */
typedef bool queue_visit(void *ctx, const char *id);

/*
 * The position of a walk through a folder: the next call continues there, so each name is read once
 * even in a full folder.  Zeroed before the first call.  At the end names is NULL again.
 */
#define QUEUE_WALK_BUCKETS 64

struct queue_walk {
	DIR *names;
	int64_t bucket;		/* the time of the current folder of wait/ */
	/* Times of the next folders of wait/, sorted, as many as fit. */
	int64_t due[QUEUE_WALK_BUCKETS];
	unsigned ndue;
};

/* End a walk early: closes the folder, and names is NULL again. */
void queue_walk_end(struct queue_walk *w);

/* The position of a recovery.  Zeroed before the first call, but for failed(), which gets each file
 * that cannot be recovered, with -errno. */
struct queue_found;

struct queue_recovery {
	void (*failed)(void *ctx, const char *id, int error);
	void *ctx;
	struct queue_walk walk;
	struct queue_found *found;	/* the file that is being looked at; NULL: none */
};

/* Move complete files of tmp/ without a writer to new/, and delete incomplete ones.  A call ends at
 * until_us (clock_us()), and the next one continues there.  Returns the number of files moved by
 * this call, or -errno. */
int queue_recover(const struct queue *q, struct queue_recovery *v, int64_t until_us);

/* Is there more to do for the next call? */
bool queue_recovering(const struct queue_recovery *v);

/* End a recovery early. */
void queue_recovery_end(struct queue_recovery *v);

/*
 * Claim the messages of new/ into cur/.  each() gets their IDs until it returns false; NULL takes
 * them all.  Returns the number of messages claimed, or -errno.
 */
int queue_walk_new(const struct queue *q, struct queue_walk *w, queue_visit *each, void *ctx);

/* Claim the messages of wait/ that are due into cur/, the oldest first.  each() and results are as
 * for queue_walk_new(). */
int queue_walk_due(const struct queue *q, struct queue_walk *w, int64_t now_s, queue_visit *each,
    void *ctx);

/* Visit the messages that are in cur/ already, until each() returns false.  Returns the number of
 * visits, or -errno. */
int queue_walk_cur(const struct queue *q, struct queue_walk *w, queue_visit *each, void *ctx);

/* Make all of wait/ due now.  This costs one call per time in wait/, however many messages share
 * it.  Needs no lock: a runner that watches wait/ sees the change.  Returns the number of times
 * changed, or -errno. */
int queue_flush(const struct queue *q);

/* The earliest time in wait/ (seconds since 1970); 0 if no message waits. */
int64_t queue_next_due(const struct queue *q);

/* Open cur/ID, for a process that may open nothing in the queue itself.  A descriptor, which the
 * caller closes; -EBADMSG if it is no file; -errno. */
int queue_open_message(const struct queue *q, const char *id);

/* The same for a process that only reads it. */
int queue_open_to_read(const struct queue *q, const char *id);

/* Open cur/ID and parse its envelope.  queue_unload() must follow a success.  0; -EBADMSG if it is
 * no whole message (queue_bury() it); -errno. */
int queue_load(const struct queue *q, const char *id, struct queue_entry *ret);

/*
 * Parse the envelope of an open message, as queue_load() does.  fd belongs to *ret after a success,
 * and is closed after an error.  The recipients of `part` become the first ones of *ret.  If it has
 * lines, the others of a long envelope are neither read nor loaded.  NULL: load all in their order.
 * -EBADMSG also if the file has no such recipients.
 */
int queue_load_open(int fd, const char *id, const struct queue_part *part,
    struct queue_entry *ret);

/* Are the numbers of an entry as those of a loaded one?  Another process may have loaded it. */
bool queue_entry_valid(const struct queue_entry *e);

/* Close the file and free the envelope.  Safe on a zeroed struct and after queue_unload(). */
void queue_unload(struct queue_entry *e);

/* Read up to n octets of the content from offset `at`.  Returns their number: fewer than n only at
 * the end of the content, 0 behind it.  -EIO if the file is shorter than its content; -errno. */
ssize_t queue_read(const struct queue_entry *e, uint64_t at, char *to, size_t n);

/* Set the state of a recipient: one octet, in place.  0 or -errno. */
int queue_mark(struct queue_entry *e, size_t rcpt, enum queue_rcpt_state state);

/* Mark the message: a delay notice was sent.  One octet, in place.  0 or -errno. */
int queue_mark_warned(struct queue_entry *e);

/* Append a line to the log of the message, with the time before it.  0 or -errno. */
int queue_note(struct queue_entry *e, struct slice line);

/* As queue_note(), but replace the last note that begins with "<path>", if it has the same length
 * and the same first octets, so that a message that waits again and again has one note. */
int queue_note_again(struct queue_entry *e, struct slice path, struct slice line, size_t first);

/* Append several lines, each ended by LF, all with the same time.  Lines beyond half the size of a
 * full log are dropped.  0 or -errno. */
int queue_note_lines(struct queue_entry *e, struct slice lines);

/* The whole log, malloc'ed; the caller frees it.  0 or -errno. */
int queue_log(const struct queue_entry *e, char **ret_text, size_t *ret_n);

/* Append to b the last note in the log that begins with "<path>", without its time.  Nothing if
 * there is none. */
void queue_last_note(const struct queue_entry *e, struct slice path, struct buf *b);

/* Remove files of state/ that were to replace others when their runner was killed.  The caller
 * holds the lock. */
void queue_state_sweep(const struct queue *q);

/* Remove a finished message from cur/.  0 or -errno. */
int queue_finish(const struct queue *q, const char *id);

/* Count an attempt, and move the message to wait/ until due_s (seconds since 1970).  Each time is a
 * folder, so let many messages share one.  0 or -errno. */
int queue_defer(const struct queue *q, struct queue_entry *e, int64_t due_s);

/* Move a message to wait/ until due_s without an attempt.  0 or -errno. */
int queue_postpone(const struct queue *q, const struct queue_entry *e, int64_t due_s);

/* Move a message to dead/.  0 or -errno. */
int queue_bury(const struct queue *q, const char *id);

#endif
