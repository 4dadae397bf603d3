// SPDX-License-Identifier: ISC
/*
 * Events of a run.  Recipients: `downgraded`, `delivered`, `deferred`, `failed`.  Messages:
 * `finished`, `waiting`, `dead`, `stuck` and what an operator requested.  Notices to senders:
 * `bounced`, `warned`, `confirmed`.  Destinations that change to IPv4: `moved`.  Hosts without
 * their good certificate: `tls-lost`.  Routes: `frozen`, `thawed`.  Errors of this machine:
 * `trouble`.
 */
#ifndef RUNNER_REPORT_H
#define RUNNER_REPORT_H

#include "attempt/outcome.h"
#include "attempt/owed.h"
#include "config/config.h"
#include "hosts/learned.h"
#include "runner/frozen.h"

/* The end of a message's run. */
enum report_end {
	REPORT_FINISHED,	/* left the queue */
	REPORT_DEFERRED,	/* in wait/ until due_s */
	REPORT_DEAD,		/* in dead/: no message, or a failed one from the null sender */
	REPORT_ASIDE,		/* in dead/: processes that read it died */
	REPORT_HELD,		/* in hold/, by an operator's request */
	REPORT_DELETED,		/* by an operator's request */
	REPORT_GIVEN_UP,	/* by an operator's request */
	REPORT_STUCK,		/* an error of the queue: it stays in cur/ for the next run */
};

enum report_kind {
	REPORT_RCPT,
	REPORT_MESSAGE,
	REPORT_NOTICE,
	REPORT_MOVED,
	REPORT_TLS_LOST,
	REPORT_ROUTE,
	REPORT_TROUBLE,
};

struct report {
	enum report_kind kind;
	const char *id;			/* the message; "": none */
	union {
		struct {		/* REPORT_RCPT */
			struct slice path;
			const struct route *route;
			const struct outcome *outcome;
			int64_t delay_us;	/* since the message arrived */
		} rcpt;
		struct {		/* REPORT_MESSAGE */
			enum report_end end;
			int64_t due_s;		/* REPORT_DEFERRED only; unix seconds */
			int error;		/* 0 or -errno */
		} message;
		struct {		/* REPORT_NOTICE */
			enum notice_kind action;
			const char *id;		/* ID of the notice */
			struct slice to;
		} notice;
		struct {		/* REPORT_MOVED */
			const char *destination, *host, *reply;
		} moved;
		const struct learned_host *tls_lost;
		struct {		/* REPORT_ROUTE */
			const struct route *route;
			const struct frozen *entry;	/* NULL: it works again */
		} route;
		struct {		/* REPORT_TROUBLE */
			const char *what;
			int error;		/* -errno, a signal's number, or 0 */
		} trouble;
	};
};

/* The receiver of reports, and their totals. */
struct reports {
	void (*sink)(void *ctx, const struct report *e);
	void *ctx;
	unsigned count[OUTCOME_FAILED + 1];	/* recipients, by enum outcome_kind */
	int64_t due_s;			/* the earliest time of a deferred message; 0: none */
	bool stuck;			/* mail stays where it is: an error of the queue */
};

/* A recipient has an outcome. */
void report_rcpt(struct reports *to, const char *id, struct slice path, const struct route *route,
    const struct outcome *o, int64_t delay_us);
/* The run has ended for a message. */
void report_message(struct reports *to, const char *id, enum report_end end, int64_t due_s,
    int error);
/* A notice to the sender is in the queue. */
void report_notice(struct reports *to, const char *id, enum notice_kind action,
    const char *notice_id, struct slice sender);
/* A destination gets its mail over IPv4 from now on. */
void report_moved(struct reports *to, const char *destination, const char *host,
    const char *reply);
/* A host that has shown good certificates for a month has shown none. */
void report_tls_lost(struct reports *to, const struct learned_host *h);
/* A route is frozen; entry NULL: it works again. */
void report_route(struct reports *to, const struct route *route, const struct frozen *entry);
/* Something went wrong on this machine.  error: -errno, a signal's number, or 0. */
void report_trouble(struct reports *to, const char *what, const char *id, int error);

/* A sink: write the report to the log. */
void report_log(void *ctx, const struct report *e);

#endif
