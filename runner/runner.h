// SPDX-License-Identifier: ISC
/*
 * The scheduler: messages of the active window, their recipients grouped by next
 * hop into destinations, and workers that deliver to one destination each.  Knows no
 * event loop and no log: relay.c feeds it what happens and hears of results by hooks.
 */
#ifndef RUNNER_RUNNER_H
#define RUNNER_RUNNER_H

#include <sys/types.h>

#include "aliases/find.h"
#include "config/config.h"
#include "notice/bounce.h"
#include "hosts/hosts.h"
#include "attempt/outcome.h"
#include "dns/resolver.h"
#include "queue/run.h"
#include "runner/frozen.h"

/* Recipients in memory at once, which bounds it: 25 MB if all of them fail with the longest replies.  Mail that was tried
 * before leaves room for new mail. */
#define RUNNER_WINDOW         20000
#define RUNNER_WINDOW_RETRIED 15000
#define RUNNER_BUCKETS        4096	/* of the hashes by ID and by destination */
#define RUNNER_BACK           16	/* hosts that came back and whose waiting mail comes now */
#define RUNNER_SLICE_US       2000	/* at a time for what may take long, as everything else waits */

struct worker;
struct message;
struct destination;

/* Destinations that have mail in line, in the order in which they get workers. */
enum runner_ring {
	RING_PROVEN,		/* something got through in this run, and more workers may help */
	RING_FRESH,		/* not tried yet in this run, with mail that was never tried */
	RING_DOUBTFUL,		/* with mail that failed before only */
	RING_DEAD,		/* no worker: their mail is deferred as it is */
	RUNNER_RINGS,
};

/* What became of a message once every recipient was tried. */
enum runner_end {
	RUNNER_FINISHED,	/* left the queue */
	RUNNER_DEFERRED,	/* in wait/ until due_s */
	RUNNER_DEAD,		/* in dead/: no message at all, or one without a sender that failed */
	RUNNER_HELD,		/* in hold/, as its operator has asked */
	RUNNER_DELETED,		/* likewise */
	RUNNER_GIVEN_UP,
	RUNNER_STUCK,		/* the queue said no (error): stays in cur/ for the next run */
};

struct runner_hooks {
	/* A worker started: watch its descriptor and its pid. */
	void (*started)(void *ctx, struct worker *w, pid_t pid, int fd);
	/* A worker is about to be forgotten. */
	void (*ended)(void *ctx, struct worker *w);
	/* For the log. */
	void (*rcpt)(void *ctx, const char *id, struct slice path, const struct outcome *o, int64_t delay_us);
	void (*message)(void *ctx, const char *id, enum runner_end end, int64_t due_s, int error);
	void (*notified)(void *ctx, const char *id, enum notice_kind action, const char *notice_id, struct slice to);
	/* A destination goes by IPv4 from here on: its host refused our IPv6 address. */
	void (*moved)(void *ctx, const char *destination, const char *host, const char *reply);
	void (*trouble)(void *ctx, const char *what, const char *id, int error);
	/* A route is left alone as its login is refused, once a run; NULL: it works again. */
	void (*frozen)(void *ctx, const struct route *route, const struct frozen *frozen);
};

struct runner {
	const struct config *config;
	const struct queue *queue;
	const struct dns_resolver *resolver;
	const struct runner_hooks *hooks;
	void *ctx;
	struct hosts hosts;
	struct aliases *aliases;	/* NULL: no route has any */
	struct frozen_list frozen;
	bool stopping;			/* runner_stop() was called: hand out nothing more */
	bool wrote;			/* a notice, which is in new/ now */

	/* The rest is the scheduler's own. */
	struct message *messages[RUNNER_BUCKETS];
	size_t nmessages, nrcpts;
	struct destination *destinations[RUNNER_BUCKETS];
	size_t ndestinations;
	struct destination *rings[RUNNER_RINGS];
	char back[RUNNER_BACK][HOST_KEY];	/* hosts whose mail is to come */
	unsigned nback;
	struct worker *workers;
	unsigned nworkers;
	int64_t again_ms;		/* no process could be started: not before then */
};

/* Forget everything; workers must have ended. */
void runner_done(struct runner *r);

/* Is there room in the window? */
bool runner_room(const struct runner *r, bool fresh);
/* A message of cur/: load it and put its recipients in line, unless it is there already. */
void runner_add(struct runner *r, const char *id);

/* What is said to be dead may be alive again, and no host is to be left alone: the operator wants another try. */
void runner_revive(struct runner *r);

/* Do what the operator asks for by now (queue/operator.h): at once, but for messages that a worker has in hand, where it is
 * done when they settle. */
void runner_requests(struct runner *r);

/* Give work to workers, as far as there is work and room; hang up on those without. */
void runner_dispatch(struct runner *r);
/* Does mail wait for destinations that are dead, or in wait/ for a host that is back?  Be done with some of it. */
bool runner_ready(const struct runner *r);
void runner_turn(struct runner *r);

/* A worker's descriptor is readable; its process ended (wait status). */
void runner_hear(struct runner *r, struct worker *w);
void runner_reap(struct runner *r, struct worker *w, int status);

/* Running deliveries end, and nothing else begins. */
void runner_stop(struct runner *r);

/* When a shutdown takes too long: SIGTERM ends the workers whose message nobody can have got yet, SIGKILL all of them.  What they
 * had in hand is left in cur/. */
void runner_kill(struct runner *r, int signo);

#endif
