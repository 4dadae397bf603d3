// SPDX-License-Identifier: ISC
/*
 * The lease of a queue: which machine may work on it.  It is the file tmp/lease, where both users
 * of a queue can write.  It holds by agreement of all processes, and fences nobody.
 */
#ifndef QUEUE_LEASE_H
#define QUEUE_LEASE_H

#include "queue.h"

#define QUEUE_LEASE	      "lease"	/* its file in tmp/ */
#define QUEUE_LEASE_MODE      0666	/* in a queue of two users; nobody else passes its folder */
#define QUEUE_LEASE_NAME_SIZE 65	/* the name of a machine: 64 octets, as in Linux */

struct queue_lease;

/* The lease as its file has it. */
struct queue_lease_state {
	char home[QUEUE_LEASE_NAME_SIZE];	/* the machine whose queue this is */
	char holder[QUEUE_LEASE_NAME_SIZE];	/* the machine that may work on it */
	uint64_t generation;			/* grows with each change of the holder */
	int64_t renewed_s;			/* by the clock of the holder */
	bool released;				/* the holder has ended its work */
};

/*
 * Take part in the lease of the open queue q, of which this machine is the home.  If there is none,
 * it is made.  From then on the functions that move messages check it.  Children share what is
 * known of it.  name NULL: the name of this machine.  0; -EREMOTE if another machine holds it;
 * -errno.
 */
int queue_lease_join(struct queue *q, const char *name, uint64_t term_ms);

/* The same for a queue that this machine may also have adopted.  -ENOENT if it has no lease; then q
 * is as before. */
int queue_lease_join_away(struct queue *q, const char *name, uint64_t term_ms);

struct queue_lease_taking {
	const char *name;	/* NULL: the name of this machine */
	uint64_t term_ms;
	uint64_t seen_ms;	/* the longest time until one client sees what another has done */
	bool fenced;		/* the operator says that the holder cannot write any more */
	bool back;		/* by the home of the queue, after another machine had it */
};

/*
 * Become the holder, by a process that is the only runner of this machine.  A lease that was not
 * released is watched for its term.  After the change its term passes once more, until no process
 * of the former holder can take its lease for valid.  0; -EPERM if it was not released and
 * t->fenced is not set; -EBUSY if the holder renews it; -EALREADY if another process takes it;
 * -ENOENT if there is none; -EINVAL if t->back is set elsewhere than at home, or not set there;
 * -errno.
 */
int queue_lease_take(struct queue *q, const struct queue_lease_taking *t);

/* End the work on an adopted queue, so that its home may take it back at once.  0 or -errno. */
int queue_lease_release(const struct queue *q);

/* Read the lease of an open queue.  0; -ENOENT if there is none; -errno. */
int queue_lease_read(const struct queue *q, struct queue_lease_state *ret);

/* Call f once in this process if the lease turns out to be another machine's. */
void queue_lease_on_loss(const struct queue *q, void (*f)(void *ctx), void *ctx);

/* Was it found to be another machine's? */
bool queue_lease_lost(const struct queue *q);

/* Renew the lease if a quarter of its term has passed.  0; -EREMOTE; -EUCLEAN if its file is
 * damaged and -ESTALE if it is gone, which are no errors of a message; -errno. */
int queue_lease_renew(const struct queue *q);

/* May this process take a step that cannot be undone?  A lease that is about to end is renewed.  0,
 * also without a lease; -EREMOTE if it is another machine's, for good; if nobody knows, the errors
 * of queue_lease_renew, or -ETIMEDOUT if each renewal took longer than the lease holds. */
int queue_lease_check(const struct queue *q);

/* The same for a process that cannot open the file: it waits until its parent has renewed the
 * lease, for 10 s at most.  l NULL: there is no lease. */
bool queue_lease_wait(const struct queue_lease *l);

#endif
