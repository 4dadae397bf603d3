// SPDX-License-Identifier: ISC
/*
 * The scheduler: the messages of the window, their recipients grouped into jobs by destination, and
 * workers that each deliver to one destination.  It has no event loop: its watcher observes the
 * workers for it.
 */
#ifndef RUNNER_RUNNER_H
#define RUNNER_RUNNER_H

#include "aliases/find.h"
#include "base/aide.h"
#include "fetch/fetcher.h"
#include "config/config.h"
#include "dns/resolver.h"
#include "dns/validator.h"
#include "hosts/hosts.h"
#include "queue/reader.h"
#include "runner/absent.h"
#include "runner/destination.h"
#include "runner/frozen.h"
#include "runner/rates.h"
#include "runner/report.h"
#include "runner/sharing.h"
#include "runner/tickets.h"
#include "runner/tls_results.h"
#include "runner/turns.h"
#include "runner/window.h"
#include "runner/worker.h"

#define RUNNER_SLICE_US 5000	/* longest turn of work that would keep events waiting */

/* Observes the descriptors and the processes of workers. */
struct runner_watcher {
	void (*started)(void *ctx, struct worker *w);
	void (*ended)(void *ctx, struct worker *w);	/* w is freed after the call */
	void *ctx;
};

struct runner {
	const struct config *config;
	const struct queue *queue;
	struct dns_resolver *resolver;	/* follows resolv.conf(5) */
	struct validator *validator;	/* NULL: answers of the DNS are not validated here */
	struct aliases *aliases;	/* NULL: no route has any */
	struct fetcher_setup fetch;	/* none: no policies of MTA-STS are fetched */
	struct runner_watcher watcher;
	struct reports reports;
	struct tls_results sessions;
	struct hosts hosts;
	struct frozen_list frozen;
	struct rates rates;
	struct sharing sharing;
	struct turns turns;
	bool stopping;			/* no further job is handed out */
	bool wrote;			/* a notice is in new/ now */
	bool unread;			/* for lack of a process; those messages are in cur/ */
	bool taking;			/* there is more new mail: few workers start */
	bool deaths;			/* some message has killed processes (queue/aside.h) */

	/* The rest is the scheduler's own. */
	struct window window;
	struct destinations destinations;
	struct absent_back back;
	struct tickets tickets;
	struct job *resting;		/* have their results, and are to be settled */
	struct worker *workers;
	unsigned nworkers;
	unsigned nnetwork;		/* workers of destinations that need the network */
	unsigned nforeign;		/* those of them with foreign mail */
	unsigned turn;			/* picks with foreign mail behind mail of people here */
	struct queue_reader reader;	/* the process that reads messages */
	struct aide fetcher;
	enum { FETCHER_UNTRIED, FETCHER_RUNS, FETCHER_FAILS } has_fetcher;
	int64_t again_ms;		/* no process could be started: not before this time */
};

/* Free everything.  All workers must have ended. */
void runner_done(struct runner *r);

/* Start workers as long as there is work and room for them. */
void runner_dispatch(struct runner *r);
/* Has runner_turn() work to do? */
bool runner_ready(const struct runner *r);
/* Defer some of the mail for dead destinations; release some of the mail of hosts that are back. */
void runner_turn(struct runner *r);

/* A worker's descriptor is readable. */
void runner_receive(struct runner *r, struct worker *w);
/* A worker's process has ended; status as of wait(2).  Frees w. */
void runner_reap(struct runner *r, struct worker *w, int status);

/* Try all hosts and destinations again, because an operator wants it. */
void runner_revive(struct runner *r);

/* Let the current attempts end, and begin no other. */
void runner_stop(struct runner *r);
/* Send a signal to all workers when a shutdown takes too long.  SIGTERM ends those whose message
 * nobody can have received yet, SIGKILL all.  Their messages stay in cur/. */
void runner_kill(struct runner *r, int signo);

#endif
