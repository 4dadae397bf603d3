// SPDX-License-Identifier: ISC
/*
 * The queue as an operator sees it: every folder, one message after the other, and what may be done to a message from
 * outside.  Looking changes nothing; each change is one rename or one unlink, so that of the operator and the runner
 * one is first and the other one is told -ENOENT.
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

/* Where a message lies. */
struct queue_spot {
	enum queue_place place;
	int folder;			/* a descriptor: during a walk the walk's, from queue_find the caller's (queue_spot_done) */
	int64_t due_s;			/* in wait/ */
	char id[QUEUE_ID_SIZE];
};

/* Told of one message; not 0 ends the walk. */
typedef int queue_visitor(void *ctx, const struct queue_spot *spot);

/* Every name that is an ID in the folders asked for: cur/, new/, wait/ by the time due, hold/, dead/, tmp/.  Unsorted within
 * a folder, so the first comes at once.  Returns what each returned, or -errno. */
int queue_walk(const struct queue *q, unsigned places, queue_visitor *each, void *ctx);

/* An ID as one of now: what comes in from here on has a greater one.  0 or -errno. */
int queue_newest_id(char ret_id[QUEUE_ID_SIZE]);

/* Find one in the folders asked for.  0, -ENOENT or -errno. */
int queue_find(const struct queue *q, const char *id, unsigned places, struct queue_spot *ret);
void queue_spot_done(struct queue_spot *spot);

/* Open a message for reading only, its envelope parsed; in the file nothing is marked.  As queue_load(). */
int queue_look(const struct queue_spot *spot, struct queue_entry *ret);
/* Open one of hold/ as queue_load() does one of cur/. */
int queue_load_held(const struct queue *q, const char *id, struct queue_entry *ret);

/* While somebody gives a message of hold/ up, nobody else may release or delete it.  A descriptor, to be closed when that is over;
 * -EBUSY: somebody does; -ENOENT: it is not there any more; -errno. */
int queue_claim_held(const struct queue *q, const char *id);

/* Put it into hold/, into new/ (where the relay finds it, or is started by it) or into dead/; delete it.  0, -ENOENT when
 * somebody was quicker (find it again), -EEXIST when a file of that name is there already, or -errno. */
int queue_hold(const struct queue *q, const struct queue_spot *spot);
int queue_put_new(const struct queue *q, const struct queue_spot *spot);
int queue_put_dead(const struct queue *q, const struct queue_spot *spot);
int queue_remove(const struct queue *q, const struct queue_spot *spot);

/*
 * What of cur/ belongs to the runner while one lives: nobody else may move that.  So there are requests, which it sees to:
 * at once, or when the attempt has ended that it is just making.  Each is a file state/requests/ID.VERB.
 */
enum queue_request { QUEUE_ASK_HOLD, QUEUE_ASK_DELETE, QUEUE_ASK_FAIL };

/* No runner lives, and will not before this is closed: a descriptor, -EWOULDBLOCK when one does, or -errno. */
int queue_lock_idle(const struct queue *q);

/* The folder of requests, made if it is missing, for the runner to watch: a descriptor or -errno. */
int queue_requests_folder(const struct queue *q);
/* Ask for it, in place of what was asked before.  A descriptor, which knows how it ends (queue_answer), or -errno. */
int queue_ask(const struct queue *q, const char *id, enum queue_request request);
enum queue_answer { QUEUE_ANSWER_NONE, QUEUE_ANSWER_DONE, QUEUE_ANSWER_NOT_DONE };
enum queue_answer queue_answer(int asked);
/* What is asked for this message?  0, or -ENOENT. */
int queue_asked(const struct queue *q, const char *id, enum queue_request *ret);
/* Nothing is asked for any more: it is done (an enum queue_request), or QUEUE_UNDONE, too late or no longer wanted.  0, or -ENOENT
 * when nothing was asked. */
#define QUEUE_UNDONE (-1)
int queue_unask(const struct queue *q, const char *id, int done);
/* Each request there is.  0, what each returned, or -errno. */
int queue_requests(const struct queue *q, int (*each)(void *ctx, const char *id, enum queue_request request), void *ctx);

#endif
