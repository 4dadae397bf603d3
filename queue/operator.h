// SPDX-License-Identifier: ISC
/*
 * The queue for an operator: all folders, message by message, and the changes that may be made from
 * outside.  Looking changes nothing.  Each change is one rename or one unlink.  If operator and
 * runner change the same message, one is first and the other gets -ENOENT.
 */
#ifndef QUEUE_OPERATOR_H
#define QUEUE_OPERATOR_H

#include "queue/run.h"

enum queue_place {
	QUEUE_IN_TMP,		/* being received, or left by a crash */
	QUEUE_IN_NEW,
	QUEUE_IN_CUR,
	QUEUE_IN_WAIT,
	QUEUE_IN_HOLD,
	QUEUE_IN_DEAD,
};

#define QUEUE_BIT(place) (1u << (place))
#define QUEUE_ANYWHERE	 (QUEUE_BIT(QUEUE_IN_DEAD + 1) - 1)
/* With the places of a walk: another process reads each message before it is visited. */
#define QUEUE_TRIED	 QUEUE_BIT(QUEUE_IN_DEAD + 1)

/* The place of a message. */
struct queue_spot {
	enum queue_place place;
	/* A descriptor.  A walk owns it during the walk; from queue_find() it is the caller's. */
	int folder;
	int64_t due_s;			/* time of the folder in wait/ */
	int killed;			/* the signal that ended a process that read it; 0: none */
	char id[QUEUE_ID_SIZE];
};

/* Gets one message of a walk.  A result other than 0 ends the walk. */
typedef int queue_visitor(void *ctx, const struct queue_spot *spot);

/* Visit every name that is an ID in the given places (QUEUE_BIT).  The order is cur/, new/, wait/
 * by time, hold/, dead/, tmp/.  Within a folder names are unsorted, so the first visit comes at
 * once.  Returns the last result of each(), or -errno. */
int queue_walk(const struct queue *q, unsigned places, queue_visitor *each, void *ctx);

/* Make an ID of the present time: messages that arrive later have a greater one.  0 or -errno. */
int queue_newest_id(char ret_id[QUEUE_ID_SIZE]);

/* Find a message in the given places (QUEUE_BIT).  queue_spot_done() must follow a success.  0,
 * -ENOENT or -errno. */
int queue_find(const struct queue *q, const char *id, unsigned places, struct queue_spot *ret);

/* Let another process read the message, and note the signal if that ends it. */
void queue_try(struct queue_spot *spot);

/* Close what queue_find() opened. */
void queue_spot_done(struct queue_spot *spot);

/* Open a message for reading only and parse its envelope; nothing in the file is marked.  Results
 * as of queue_load(); -ENOTRECOVERABLE if another process has died on it. */
int queue_look(const struct queue_spot *spot, struct queue_entry *ret);

/* Open a message of any folder, as queue_load() opens one of cur/; -ENOTRECOVERABLE as of
 * queue_look(). */
int queue_load_at(const struct queue_spot *spot, struct queue_entry *ret);

/* Lock a message of hold/ while it is given up, so that no other process may release or delete it.
 * A descriptor; closing it ends the lock.  -EBUSY if another process holds the lock, -ENOENT if the
 * message is gone, -errno. */
int queue_claim_held(const struct queue *q, const char *id);

/* Move a message to hold/.  0; -ENOENT if it has moved (find it again); -EEXIST if a file of that
 * name is there; -errno. */
int queue_hold(const struct queue *q, const struct queue_spot *spot);

/* Move a message to new/, where the relay finds it or is started by it.  Results as of
 * queue_hold(). */
int queue_put_new(const struct queue *q, const struct queue_spot *spot);

/* Move a message to dead/.  Results as of queue_hold(). */
int queue_put_dead(const struct queue *q, const struct queue_spot *spot);

/* Delete a message.  0; -ENOENT if it has moved (find it again); -errno. */
int queue_remove(const struct queue *q, const struct queue_spot *spot);

/*
 * A living runner owns the messages in cur/: no other process may move them.  So the operator files
 * requests.  The runner acts on them at once, or after the current attempt.  Each request is a file
 * state/requests/ID.VERB.
 */
enum queue_request { QUEUE_ASK_HOLD, QUEUE_ASK_DELETE, QUEUE_ASK_FAIL };

/* Does a runner live?  The answer disturbs none. */
bool queue_runner_lives(const struct queue *q);

/* Make sure that no runner lives, or starts before the result is closed.  A descriptor;
 * -EWOULDBLOCK if one lives; -errno. */
int queue_lock_idle(const struct queue *q);

/* Open the folder of requests, so that it can be watched; a missing one is created.  A descriptor
 * or -errno. */
int queue_requests_folder(const struct queue *q);

/* File a request, in place of any earlier one for this message.  A descriptor for queue_answer(),
 * which the caller closes, or -errno. */
int queue_ask(const struct queue *q, const char *id, enum queue_request request);

/* The state of a request that queue_ask() filed: open, carried out, or removed undone. */
enum queue_answer { QUEUE_ANSWER_NONE, QUEUE_ANSWER_DONE, QUEUE_ANSWER_NOT_DONE };
enum queue_answer queue_answer(int asked);
/* The request for this message.  0; -ENOENT if there is none; -errno. */
int queue_asked(const struct queue *q, const char *id, enum queue_request *ret);

/* Remove the requests for this message.  done is the enum queue_request that was carried out, or
 * QUEUE_UNDONE: too late, or no longer wanted.  0; -ENOENT if there was none; -errno. */
#define QUEUE_UNDONE (-1)
int queue_unask(const struct queue *q, const char *id, int done);

/* Call each() for every request, until it returns a value other than 0.  Returns that value, 0, or
 * -errno. */
int queue_requests(const struct queue *q,
    int (*each)(void *ctx, const char *id, enum queue_request request), void *ctx);

#endif
