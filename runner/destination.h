// SPDX-License-Identifier: ISC
/*
 * Destinations: next hops with their queues of jobs, and the rings of those that may get a worker.
 * The state of a destination is kept between messages, unless there are very many destinations.
 */
#ifndef RUNNER_DESTINATION_H
#define RUNNER_DESTINATION_H

#include "config/config.h"
#include "runner/ring.h"
#include "runner/site.h"
#include "runner/vain.h"
#include "runner/window.h"

#define DESTINATION_BUCKETS 4096	/* buckets of the hash by key */

/* Destinations with waiting jobs.  One that has as many workers as it may is in no ring. */
enum destination_ring {
	RING_LOCAL,		/* needs no network */
	RING_PROVEN,		/* answered in this run; more workers may help */
	RING_FRESH,		/* not tried in this run, with mail that was never tried */
	RING_DOUBTFUL,		/* only with mail that failed before */
	RING_DEAD,		/* gets no worker: its mail is deferred as it is */
	DESTINATION_RINGS,
};

/* The recipients of one message for one destination. */
struct job {
	struct job *next;
	struct job *last;		/* of the first job of a rank in a line: the last of it */
	struct message *message;
	uint64_t hash;			/* of the recipients' addresses */
	bool cut;			/* its worker has died */
	size_t n;
	uint32_t rcpts[];
};

/* Lines of a destination, each in the order of rank, then of arrival. */
enum job_line {
	LINE_OWN,		/* never tried, of people here */
	LINE_FOREIGN,		/* never tried: bounces and mail of strangers */
	LINE_RETRIED,
	JOB_LINES
};

struct destination {
	struct destination *next;	/* the next one of the hash bucket */
	struct ring_node node;		/* its place in a ring */
	char *key;			/* "via text" of the route, and for mx routes the domain */
	const char *name;		/* the part of key that names the domain or host */
	const struct route *route;
	bool network;			/* its mail goes to hosts */
	struct job *lines[JOB_LINES];
	size_t waiting;			/* jobs in all lines */
	size_t asking;			/* jobs whose moment is asked for (runner/turns.h) */
	unsigned turn;			/* jobs taken while more than one line had some */
	unsigned workers;		/* workers that have a job */
	unsigned leaving;		/* workers that were dismissed, and still have a job */
	unsigned processes;		/* all workers, also those that are about to end */
	unsigned limit;			/* most workers for now; grows with success */
	int64_t job_ms;			/* the usual time of a job, at least 1; 0: not known yet */
	unsigned credit;		/* successes since limit grew */
	unsigned price;			/* successes for one more worker */
	struct vain *vain;		/* attempts in vain; NULL: none */
	bool proven;			/* a host of the destination answered in this run */
	struct site *site;		/* the one that its next worker will use; NULL: unknown */
	bool woken;			/* a place is kept for it there */
	struct outcome *dead;	/* mail is deferred with this outcome; NULL: alive */
	int64_t dead_until_ms;
	struct absent *absent;		/* hosts that did not answer; NULL: none */
};

struct destinations {
	struct destination *buckets[DESTINATION_BUCKETS];
	size_t n;
	struct ring rings[DESTINATION_RINGS];
	struct sites sites;
};

/* The route of a recipient of e, and the domain that decided it. */
const struct route *destination_route(const struct config *c, const struct queue_entry *e,
    size_t rcpt, struct slice *ret_domain);
/* Append the name that the destination of mail by this route to this domain has for people. */
void destination_name(struct buf *b, const struct route *route, struct slice domain);
/* The destination of mail by this route to this domain; NULL without memory. */
struct destination *destination_for(struct destinations *ds, const struct route *route,
    struct slice domain);

/* Put a job at the end of its line. */
void destination_push(struct destinations *ds, struct destination *d, struct job *job);
/* Put a job in front of all others. */
void destination_put_back(struct destinations *ds, struct destination *d, struct job *job);
/* The next job, or NULL.  New mail comes first, but does not keep other mail waiting for ever. */
struct job *destination_pop(struct destinations *ds, struct destination *d);
/* The job that it would give. */
struct job *destination_peek(struct destination *d);
/* Take all jobs of a message out of all lines. */
void destination_withdraw(struct destinations *ds, struct message *m);
/* Declare destinations alive: those that lacked this host; NULL: all. */
void destination_revive(struct destinations *ds, const char *host);
/* Move the destination into the ring that fits its state. */
void destination_update(struct destinations *ds, struct destination *d);
/* The next worker of the destination will use this site; NULL: unknown.  d gets a reference of its
 * own. */
void destination_set_site(struct destinations *ds, struct destination *d, struct site *site);
/* The site may have room: as many of the destinations that wait for it may have a worker. */
void destination_wake(struct destinations *ds, struct site *site);
/* The place that is kept for the destination is free, or its worker has it. */
void destination_sleep(struct destination *d);

/* The sender and the recipients of a job. */
struct vain_who destination_who(const struct job *job);

/* If there are very many destinations, free those without state worth keeping. */
void destination_trim(struct destinations *ds);
/* Free all destinations.  Their lines must be empty. */
void destination_done(struct destinations *ds);

#endif
