// SPDX-License-Identifier: ISC
/*
 * The context of an attempt, and the sink that gets the outcome of each recipient.  Knows no way to
 * deliver.  The attempt itself marks the state in the queue file.  So a crash after the final reply
 * repeats as little as possible.
 */
#ifndef ATTEMPT_ATTEMPT_H
#define ATTEMPT_ATTEMPT_H

#include "attempt/outcome.h"
#include "attempt/transcript.h"
#include "config/config.h"
#include "dns/resolver.h"
#include "hosts/hosts.h"
#include "queue/run.h"

#define ATTEMPT_DIALS 16	/* addresses that are dialled at once */

struct dns_memo;
struct ticket;
struct ticket_kind;
struct tls_result;

/* The result of an attempt for one recipient. */
struct attempt_result {
	uint32_t rcpt;			/* index into the message's recipients */
	struct slice path;
	const struct outcome *outcome;
	int64_t delay_us;		/* since the message arrived */
};

/* The receiver of results.  The same functions take them in a worker, which sends them, and in the
 * runner, which receives them. */
struct attempt_sink {
	void (*rcpt)(void *ctx, const struct attempt_result *result);
	void (*host)(void *ctx, const struct host_report *report);
	/* A host refused our IPv6 address: its destination gets its mail over IPv4 from now on.
	 * May be NULL. */
	void (*moved)(void *ctx, const char *destination, const char *host, const char *reply);
	/* The result of TLS at an exchanger of the destination.  May be NULL. */
	void (*session)(void *ctx, const struct tls_result *session);
	/* A DNS answer that other attempts can use.  May be NULL. */
	void (*dns)(void *ctx, const struct dns_memo *memo);
	/* Ask to dial exchangers at these sites (hosts/hosts.h), at most ATTEMPT_DIALS.  Bit i of
	 * the reply is for sites[i], and one is set at least.  NULL: all may be dialled. */
	uint32_t (*dial)(void *ctx, const uint64_t *sites, size_t n);
	/* This one of several is connected, and no other. */
	void (*dialled)(void *ctx, uint64_t site);
	/* Leave a ticket for others (attempt/ticket.h), and take one; false: there is none.  Both
	 * may be NULL. */
	void (*ticket)(void *ctx, const struct ticket *ticket);
	bool (*want)(void *ctx, const struct ticket_kind *kind, struct ticket *ret);
	/* The job is over.  NULL: one attempt is all. */
	void (*done)(void *ctx);
	void *ctx;
};

/* A job of deliver(): a message and some of its recipients. */
struct attempt_job {
	struct queue_entry *e;
	const uint32_t *rcpts;
	size_t n;
};

struct aliases;
struct aide;
struct sts;			/* opaque here (client/sts.h) */
struct client_state;		/* opaque here (client/state.h) */

struct delivery {
	const struct config *config;
	const struct route *route;
	/* For mx routes the domain, for smtp:// "host:port", for others the text of the route. */
	const char *destination;
	const struct dns_resolver *resolver;
	const struct hosts *hosts;	/* the table as it was at the fork */
	const struct attempt_sink *sink;
	/* Gives the next job of deliver() if it is known by now; it is borrowed until then.  NULL:
	 * never known. */
	bool (*next)(void *ctx, struct attempt_job *ret);
	void *next_ctx;
	struct transcript *transcript;	/* owned by the caller; NULL: no transcript */
	/* For messages that a delivery sends itself; only a way that does so has its folders. */
	const struct queue *queue;
	struct aliases *aliases;	/* NULL if no route has aliases */
	/* The process that gets the secret of the route's login, or that asks the agent of a
	 * mailbox's owner; NULL: this one does so. */
	const struct aide *aide;
	/* The process that signs (client/signer.h); NULL: nothing is signed. */
	struct aide *signer;
	int permits;			/* its permits come from here (attempt/permit.h); 0: none */
	/* The process that fetches policies of MTA-STS (fetch/fetcher.h); NULL: none are
	 * fetched. */
	const struct aide *fetcher;
	struct sts *sts;		/* the destination's policy; NULL: none is obeyed */
	struct client_state *client;	/* kept between messages; NULL: nothing is kept yet */

	/* The current attempt: */
	int64_t begun_us;		/* monotonic */
	struct outcome_times times;
	bool undelivered;		/* a recipient was deferred or failed */
	/* The message leaves the queue after this attempt, if all is delivered. */
	bool leaves;
	/* Lines for its log, dropped if the message leaves the queue. */
	struct buf held;
	char held_space[4096];
};

/* Block SIGTERM.  From here on the peer may accept the message, so the worker must report the
 * result before it ends. */
void attempt_keep_on(void);

/* Allow SIGTERM again: all results have been reported. */
void attempt_may_stop(void);

/* Mark, note and report the outcome of one recipient. */
void attempt_report(struct delivery *d, struct queue_entry *e, uint32_t rcpt,
    const struct outcome *o);

/* Report one outcome for the recipients rcpts[0..n). */
void attempt_report_all(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n,
    const struct outcome *o);

/* Write the line about a recipient's outcome to the log of the message. */
void attempt_note(struct queue_entry *e, uint32_t rcpt, const struct outcome *o);

#endif
