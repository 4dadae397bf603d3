// SPDX-License-Identifier: ISC
/*
 * What the parts of the scheduler share.  Private to runner/.
 */
#ifndef RUNNER_INTERNAL_H
#define RUNNER_INTERNAL_H

#include "runner/runner.h"

/* How one recipient came out of this run. */
struct result {
	struct outcome outcome;
	bool noted;			/* by the worker, in the message's log */
};

#define MESSAGE_WAITS 4

/* A message of the window.  Its file is not kept open: it is loaded to be grouped, and
 * again at its end if anything but success came out. */
struct message {
	struct message *next;		/* in its hash bucket */
	char id[QUEUE_ID_SIZE];
	size_t jobs;			/* not yet done */
	bool fresh;			/* never tried before */
	bool partly;			/* some of its recipients were settled before this run */
	unsigned nwaits;
	struct absent *waits[MESSAGE_WAITS];	/* hosts that it met nobody at; waiting.c's */
	bool asked;			/* something, by the operator: see the queue's requests when it settles */
	size_t nrcpts;
	struct result **results;	/* by recipient; NULL: nothing heard; may be shared: message.c's */
};

struct job {
	struct job *next;
	struct message *message;
	size_t n;
	uint32_t rcpts[];
};

struct line {
	struct job *head, **tail;
};

struct destination {
	struct destination *next;	/* in its hash bucket */
	struct destination *ring_next, *ring_prev;
	enum runner_ring ring;		/* RUNNER_RINGS: in none */
	char *key;			/* "via text" of the route, and for mx routes the domain */
	const char *name;		/* the part of key that says where: domain or host */
	const struct route *route;
	struct line fresh, retried;
	size_t waiting;			/* jobs in both */
	unsigned turn;			/* jobs taken out of them */
	unsigned workers;		/* that are at work */
	unsigned processes;		/* these, and those that were told to end */
	unsigned limit;			/* how many workers it may have now; grows with success */
	unsigned credit, price;		/* successes since the limit grew; how many it takes, 0: one */
	unsigned lost;			/* connections in a row that broke off */
	bool proven;			/* something got through in this run */
	struct outcome *dead;		/* what its mail is deferred with; NULL: nothing of the kind */
	int64_t dead_until_ms;
	struct absent *absent;		/* addresses nobody answered at; waiting.c's, NULL: none */
};

/*
 * One that is being delivered, the next one, whose commands may travel behind it, and one that is there when the first is over
 * and the second takes its place: else the worker would have nothing to send behind that until it has heard from us.
 */
#define WORKER_JOBS 3

struct worker {
	struct worker *next;
	pid_t pid;
	int fd;
	struct destination *destination;
	unsigned count;			/* jobs it was given so far */
	bool doubtful;			/* started for mail that had failed before only */
	bool ending;			/* told so */
	struct job *jobs[WORKER_JOBS];	/* in its hands: the first is being delivered, the others are next */
	unsigned njobs;			/* 0: idle */
};

/* destination.c: next hops and what is in line for each. */
struct destination *destination_for(struct runner *r, const struct route *route, struct slice domain);
void destination_push(struct runner *r, struct destination *d, struct job *job);
void destination_put_back(struct runner *r, struct destination *d, struct job *job);	/* in front of all others */
struct job *destination_pop(struct runner *r, struct destination *d);
/* Take all jobs of m out of all lines, as if they had not been there. */
void destinations_withdraw(struct runner *r, struct message *m);
/* Put it into the ring where its state says it belongs, or take it out. */
void destination_update(struct runner *r, struct destination *d);
/* Forget those that nothing is known of and nothing waits for, when there are many. */
void destinations_trim(struct runner *r);
void destinations_done(struct runner *r);

/* pace.c: how many workers a destination may have, and whether it is worth having any. */
enum pace { PACE_ON, PACE_AGAIN };
/* What became of the last recipient of a job.  PACE_AGAIN: the destination had too many of our connections; the job was no attempt. */
enum pace pace_heard(struct runner *r, struct destination *d, const struct outcome *o);
bool pace_dead(struct destination *d);
/* Which destination gets the next worker; NULL: none for now. */
struct destination *pace_next(struct runner *r);
/* Is this worker's place of no use to its destination any more, or of more use to another one? */
bool pace_yield(const struct runner *r, const struct worker *w);

/* message.c: the window. */
struct message *message_find(const struct runner *r, const char *id);
extern struct result result_delivered;	/* and nobody to tell */
/* What a recipient's state in the file says: delivered or failed, and whether its sender is to be told.  Shared. */
struct result *result_of_state(char state);
void message_result(struct message *m, uint32_t rcpt, const struct outcome *o, bool noted);
/* Where a recipient's mail goes, and the domain that decided it. */
const struct route *message_route(const struct runner *r, struct slice sender, const struct queue_rcpt *rcpt,
    struct slice *ret_domain);
/* It was no attempt: as if nothing had been heard. */
void message_take_back(struct job *job);
/* One job of it is over: what it left open counts as local trouble; settles the message after the last. */
void message_job_done(struct runner *r, struct job *job);
void message_forget(struct runner *r, struct message *m);

/* freeze.c: routes whose login is refused.  What a delivery said of one; */
void freeze_heard(struct runner *r, struct destination *d, const struct outcome *o);
/* is it left alone now?  Then the recipient has its result; */
bool freeze_holds(struct runner *r, struct message *m, uint32_t rcpt, const struct route *route);
/* until when (unix seconds), 0: it is not. */
int64_t freeze_until(struct runner *r, const struct queue_entry *e, uint32_t rcpt);

/* waiting.c: mail that waits for a host.  Something was heard of a host of d; */
void absent_heard(struct runner *r, struct destination *d, struct host_report *report);
/* m did not get through to d: as nobody answered? */
void absent_note(struct message *m, const struct destination *d, const struct outcome *o);
/* it is in wait/ until due_s now; it is forgotten, and so is a destination; */
void absent_list(struct runner *r, const struct message *m, int64_t due_s);
void absent_forget(struct message *m);
void absent_drop(struct absent **a);
/* a host is back, and some of its mail comes. */
bool absent_ready(const struct runner *r);
void absent_turn(struct runner *r);

/* settle.c: all jobs of m are done: bounces, and what becomes of its file. */
void settle(struct runner *r, struct message *m);

/* Wall clock, seconds. */
int64_t runner_now_s(void);

#endif
