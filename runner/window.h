// SPDX-License-Identifier: ISC
/*
 * The window: the messages that the runner has in memory, and the results of their recipients.  It
 * is bounded, however many messages are in the queue.
 */
#ifndef RUNNER_WINDOW_H
#define RUNNER_WINDOW_H

#include "attempt/outcome.h"
#include "config/dkim.h"
#include "queue/run.h"
#include "runner/absent.h"
#include "runner/rank.h"

/* Recipients in memory at once.  They take at most 25 MB, if all fail with the longest replies. */
#define WINDOW_RCPTS         20000
#define WINDOW_RCPTS_FOREIGN 18000 /* up to these, bounces and mail of strangers have room */
#define WINDOW_RCPTS_RETRIED 15000 /* recipients of messages tried before */
#define WINDOW_BUCKETS       4096	/* buckets of the hash by ID */
#define WINDOW_WAITS         4		/* lists of absent hosts of one message */

/* The last result of one recipient in this run. */
struct result {
	struct outcome outcome;
	bool noted;			/* a worker has written it into the message's log */
};

/* A message of the window.  Its file is not kept open: it is loaded when its recipients are grouped
 * into jobs, and again at the end unless all were delivered. */
struct message {
	struct message *next;		/* the next one of the hash bucket */
	char id[QUEUE_ID_SIZE];
	size_t jobs;			/* not done yet */
	bool fresh;			/* never tried before */
	unsigned rank;			/* among those that wait for a worker (runner/rank.h) */
	bool partly;			/* some recipients were settled before this run */
	int deaths;			/* of processes that had it; in earlier runs, too */
	bool asked; /* the operator has filed a request; it is read at the end */
	unsigned nwaits;
	int64_t moment_s;		/* the first until which a rate lets it wait; 0: none */
	bool turn;			/* then some recipients have their turn */
	struct absent *waits[WINDOW_WAITS];	/* hosts that did not answer */
	/* For its signature: the content in the file, and the right (config/dkim.h). */
	uint64_t content_at, content_size;
	enum dkim_scope sign_scope;
	char *sign_domain;		/* of DKIM_OWN, malloc'ed */
	uint64_t sender;		/* a hash of the reverse-path */
	bool verp;			/* each recipient has another reverse-path */
	struct queue_lines lines;	/* of its recipients in the file */
	size_t nrcpts;
	struct result **results;	/* by recipient; NULL: none yet; may be shared */
	uint32_t *at;			/* by recipient: where its state is in the file */
};

struct window {
	struct message *buckets[WINDOW_BUCKETS];
	size_t nmessages, nrcpts;
};

/* The shared result of each recipient who was delivered to without a notice owed to the sender. */
extern struct result window_delivered;
/* The shared result that a recipient's state in the file stands for: delivered or failed. */
struct result *window_result_of_state(char state);

/* Is there room for a message?  fresh: one that was never tried. */
bool window_room(const struct window *w, bool fresh);
/* Is there room for a message of that rank that was never tried? */
bool window_room_for(const struct window *w, unsigned rank);
/* The message with this ID, or NULL. */
struct message *window_find(const struct window *w, const char *id);
/* Add a message without results; NULL without memory. */
struct message *window_add(struct window *w, const char *id, size_t nrcpts);
/* Free a message. */
void window_forget(struct window *w, struct message *m);

/* Store the result of a recipient.  The first one stays. */
void window_result(struct message *m, uint32_t rcpt, const struct outcome *o, bool noted);
/* Discard the results of these recipients for which there was no session: for them, the job is no
 * attempt.  Recipients with another result are removed from the list, also deferred
 * ones: a host was asked, and may have the message.  The number of recipients that are left. */
size_t window_take_back(struct message *m, uint32_t *rcpts, size_t n);
/* The message waits for these hosts. */
void window_wait(struct message *m, struct absent *a);

#endif
