// SPDX-License-Identifier: ISC
/*
 * One attempt to deliver a message: its context, and the sink that takes each recipient's outcome.
 * The attempt marks the state in the queue file itself, so that a crash after the remote's 250
 * repeats as little as possible.
 */
#ifndef ATTEMPT_ATTEMPT_H
#define ATTEMPT_ATTEMPT_H

#include "attempt/outcome.h"
#include "attempt/transcript.h"
#include "config/config.h"
#include "dns/resolver.h"
#include "hosts/hosts.h"
#include "net/tls.h"
#include "queue/run.h"

struct dns_memo;

/* The result of an attempt for one recipient. */
struct attempt_result {
	uint32_t rcpt;			/* index into the message's recipients */
	struct slice path;
	const struct outcome *outcome;
	int64_t delay_us;		/* since the message arrived */
};

/* Where results go.  The same functions take them in a worker, which sends them, and in the runner,
 * which receives them. */
struct attempt_sink {
	void (*rcpt)(void *ctx, const struct attempt_result *result);
	void (*host)(void *ctx, const struct host_report *report);
	/* A host refused our IPv6 address: its destination gets its mail over IPv4 from now on.
	 * May be NULL. */
	void (*moved)(void *ctx, const char *destination, const char *host, const char *reply);
	/* A DNS answer that other attempts can use.  May be NULL. */
	void (*dns)(void *ctx, const struct dns_memo *memo);
	/* The job is over.  NULL: one attempt is all. */
	void (*done)(void *ctx);
	void *ctx;
};

/* What is to be delivered: as the arguments of deliver(). */
struct attempt_job {
	struct queue_entry *e;
	const uint32_t *rcpts;
	size_t n;
};

struct aliases;
struct smtp_link;		/* an open connection, client/link.c */
struct transaction;		/* a message on its way over one, client/transaction.c */

struct delivery {
	const struct config *config;
	const struct route *route;
	const char *destination;	/* the domain for mx routes, "host:port" for smtp://; for others the route's text */
	const struct dns_resolver *resolver;
	const struct hosts *hosts;	/* as of the fork */
	const struct attempt_sink *sink;
	/* What deliver() will be called for next, if that is known by now; it is borrowed until then.  NULL: never known. */
	bool (*next)(void *ctx, struct attempt_job *ret);
	void *next_ctx;
	struct transcript *transcript;	/* the caller's, for as long as it delivers; NULL: none is kept */
	struct tls_client tls;		/* for all links; zeroed at first */
	const struct queue *queue;	/* for what a delivery itself has to send */
	struct aliases *aliases;	/* NULL where no route has any */
	struct smtp_link *link;		/* kept between messages; NULL: none */
	const char *link_tls;		/* the TLS words of that link, for the outcome; NULL: no link */
	struct transaction *ahead;	/* the next message's, of which the peer has heard already; NULL: none */
	bool one_by_one;		/* no more of that: it has lost us a connection */
	bool by_data;			/* no more BDAT: the peer offered CHUNKING and knew nothing of it */

	/* Of the attempt that runs: */
	int64_t begun_us;		/* monotonic */
	struct outcome_times times;
	bool undelivered;		/* a recipient was deferred or failed */
	bool leaves;			/* the message leaves the queue with it, if all goes well */
	struct buf held;		/* lines for its log, which nobody will read if it leaves */
	char held_space[4096];
};

/* From here on somebody may have the message: SIGTERM, which ends a worker at any other time, waits until all of it is reported. */
void attempt_keep_on(void);
void attempt_may_stop(void);

/* Mark, note and report one recipient. */
void attempt_report(struct delivery *d, struct queue_entry *e, uint32_t rcpt, const struct outcome *o);

/* The same of the recipients rcpts[0..n), which share one outcome. */
void attempt_report_all(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n,
    const struct outcome *o);

/* The line of the message's log that says what became of a recipient. */
void attempt_note(struct queue_entry *e, uint32_t rcpt, const struct outcome *o);

#endif
