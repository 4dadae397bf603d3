// SPDX-License-Identifier: ISC
/*
 * The log line of each event, with its keys and its level.
 */
#include "runner/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue.h"

static void
log_time(struct log_line *l, const char *key, int64_t us)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%.3fs", (double)us / 1e6);
	log_str(l, key, slice_str(text));
}

/* The parts of the delay: before this attempt, and its phases.  Nothing without a connection. */
static void
log_phases(struct log_line *l, const struct outcome_times *t, int64_t delay_us)
{
	const int64_t attempt_us = t->dns_us + t->connect_us + t->send_us;

	if (attempt_us == 0)
		return;
	log_time(l, "queued", delay_us > attempt_us ? delay_us - attempt_us : 0);
	if (t->dns_us)
		log_time(l, "dns", t->dns_us);
	if (t->connect_us)
		log_time(l, "connect", t->connect_us);
	log_time(l, "send", t->send_us);
	if (t->latency_us)
		log_time(l, "latency", t->latency_us);
}

/* A host whose TLS failed lately got the mail in the clear; the operator must be able to see it. */
static void
log_downgrade(const char *id, struct slice path, const struct outcome *o)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_NOTICE, "downgraded");
	log_str(&l, "id", slice_str(id));
	log_str(&l, "to", path);
	log_str(&l, "host", slice_str(o->host));
	log_str(
	    &l, "why", SL("sent in the clear, as the last TLS handshake with this host failed"));
	log_end(&l);
}

static void
log_rcpt(const char *id, struct slice path, const struct outcome *o, int64_t delay_us)
{
	struct log_line l;

	if (o->kind == OUTCOME_DELIVERED && strcmp(o->tls, OUTCOME_TLS_DOWNGRADED) == 0)
		log_downgrade(id, path, o);
	log_begin(&l, o->kind == OUTCOME_FAILED ? LOG_LEVEL_NOTICE : LOG_LEVEL_INFO,
	    outcome_text(o));
	log_str(&l, "id", slice_str(id));
	log_str(&l, "to", path);
	if (o->host[0])
		log_str(&l, "host", slice_str(o->host));
	if (o->tls[0])
		log_str(&l, "tls", slice_str(o->tls));
	log_str(&l, "status", slice_str(o->status));
	log_time(&l, "delay", delay_us);
	log_phases(&l, &o->times, delay_us);
	log_str(&l, "reply", slice_str(o->detail));
	log_end(&l);
}

/* An error of the queue, and its cure if only an operator can mend it. */
static void
add_error(struct log_line *l, int error)
{
	log_str(l, "error", slice_str(strerror(-error)));
	if (error == -EACCES || error == -EPERM || error == -EROFS || error == -EOPNOTSUPP)
		log_str(l, "do", slice_str(queue_advice(QUEUE_RUN, error)));
}

static void
log_message(const char *id, enum report_end end, int64_t due_s, int error)
{
	static const struct {
		const char *event;
		enum log_level level;
	} ends[] = {
		[REPORT_FINISHED] = { "finished", LOG_LEVEL_INFO },
		[REPORT_DEFERRED] = { "waiting", LOG_LEVEL_INFO },
		[REPORT_DEAD] = { "dead", LOG_LEVEL_WARNING },
		[REPORT_ASIDE] = { "dead", LOG_LEVEL_ERROR },
		[REPORT_HELD] = { "held", LOG_LEVEL_NOTICE },
		[REPORT_DELETED] = { "deleted", LOG_LEVEL_NOTICE },
		[REPORT_GIVEN_UP] = { "given-up", LOG_LEVEL_NOTICE },
		[REPORT_STUCK] = { "stuck", LOG_LEVEL_ERROR },
	};
	struct log_line l;
	char space[32];
	struct buf stamp = BUF(space);

	log_begin(&l, ends[end].level, ends[end].event);
	log_str(&l, "id", slice_str(id));
	if (end == REPORT_DEFERRED) {
		clock_stamp(&stamp, due_s);
		log_str(&l, "until", buf_slice(&stamp));
	}
	if (end == REPORT_DEAD)
		log_str(&l, "why",
		    SL("not a message, or one from <> that failed: kept in dead/; see smtp-queue "
		       "show and log"));
	if (end == REPORT_ASIDE)
		log_str(&l, "why",
		    SL("processes died while they read it: kept in dead/, and its sender gets a "
		       "notice when its lifetime is over; see smtp-queue fsck"));
	if (error)
		add_error(&l, error);
	log_end(&l);
}

static void
log_notice(const char *id, enum notice_kind action, const char *notice_id, struct slice to)
{
	static const struct {
		const char *event, *key;
		enum log_level level;
	} events[NOTICE_KINDS] = {
		[NOTICE_FAILED] = { "bounced", "bounce", LOG_LEVEL_NOTICE },
		[NOTICE_DELAYED] = { "warned", "notice", LOG_LEVEL_INFO },
		[NOTICE_DELIVERED] = { "confirmed", "notice", LOG_LEVEL_INFO },
		[NOTICE_RELAYED] = { "confirmed", "notice", LOG_LEVEL_INFO },
		[NOTICE_EXPANDED] = { "confirmed", "notice", LOG_LEVEL_INFO },
	};
	struct log_line l;

	log_begin(&l, events[action].level, events[action].event);
	log_str(&l, "id", slice_str(id));
	log_str(&l, events[action].key, slice_str(notice_id));
	log_str(&l, "to", to);
	log_str(&l, "action", slice_str(owed_kind_text(action)));
	log_end(&l);
}

static void
log_route(const struct route *route, const struct frozen *f)
{
	struct log_line l;
	char text[40], space[FROZEN_NAME + 4];
	struct buf stamp = BUF(text), name = BUF(space);

	buf_fmt(&name, "%s %s", route->by_sender ? "sender" : "route", route->pattern);
	log_begin(&l, f ? LOG_LEVEL_ERROR : LOG_LEVEL_NOTICE, f ? "frozen" : "thawed");
	log_str(&l, "route", buf_slice(&name));
	log_str(&l, "via", slice_str(route->via_text));
	log_str(&l, "user", slice_str(route->user));
	if (f) {
		clock_stamp(&stamp, f->until_s);
		log_str(&l, "until", buf_slice(&stamp));
		log_str(&l, "why", slice_str(f->why));
		log_str(&l, "do",
		    SL("repair the login, then run smtp-queue retry --all; its mail is kept until "
		       "then, however long that takes"));
	}
	log_end(&l);
}

static void
log_moved(const char *destination, const char *host, const char *reply)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_NOTICE, "moved");
	log_str(&l, "destination", slice_str(destination));
	log_str(&l, "family", SL("ipv4"));
	log_str(&l, "host", slice_str(host));
	log_str(&l, "why",
	    SL("it refused our IPv6 address: give the address a DNS name that resolves to it"));
	log_str(&l, "reply", slice_str(reply));
	log_end(&l);
}

static void
log_tls_lost(const struct learned_host *h)
{
	struct log_line l;
	char first[40], last[40];
	struct buf since = BUF(first), until = BUF(last);

	clock_stamp(&since, h->first_s);
	clock_stamp(&until, h->good_s);
	log_begin(&l, LOG_LEVEL_WARNING, "tls-lost");
	log_str(&l, "host", slice_str(h->name));
	log_str(&l, "since", buf_slice(&since));
	log_str(&l, "until", buf_slice(&until));
	log_str(&l, "why",
	    SL("it has shown good certificates from since to until, and no more: its operator has "
	       "made a mistake, or somebody on the way reads its mail"));
	log_end(&l);
}

static void
log_trouble(const char *what, const char *id, int error)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "trouble");
	log_str(&l, "what", slice_str(what));
	log_str(&l, "id", slice_str(id));
	if (error < 0)
		add_error(&l, error);
	else if (error > 0)
		log_uint(&l, "signal", (uint64_t)error);
	log_end(&l);
}

void
report_log(void *ctx, const struct report *e)
{
	(void)ctx;
	switch (e->kind) {
	case REPORT_RCPT:
		log_rcpt(e->id, e->rcpt.path, e->rcpt.outcome, e->rcpt.delay_us);
		break;
	case REPORT_MESSAGE:
		log_message(e->id, e->message.end, e->message.due_s, e->message.error);
		break;
	case REPORT_NOTICE:
		log_notice(e->id, e->notice.action, e->notice.id, e->notice.to);
		break;
	case REPORT_MOVED:
		log_moved(e->moved.destination, e->moved.host, e->moved.reply);
		break;
	case REPORT_TLS_LOST:
		log_tls_lost(e->tls_lost);
		break;
	case REPORT_ROUTE:
		log_route(e->route.route, e->route.entry);
		break;
	case REPORT_TROUBLE:
		log_trouble(e->trouble.what, e->id, e->trouble.error);
		break;
	}
}

void
report_rcpt(struct reports *to, const char *id, struct slice path, const struct route *route,
    const struct outcome *o, int64_t delay_us)
{
	to->count[o->kind]++;
	to->sink(to->ctx, &(struct report){
		.kind = REPORT_RCPT, .id = id,
		.rcpt = { .path = path, .route = route, .outcome = o, .delay_us = delay_us },
	});
}

void
report_message(struct reports *to, const char *id, enum report_end end, int64_t due_s, int error)
{
	if (end == REPORT_DEFERRED && (to->due_s == 0 || due_s < to->due_s))
		to->due_s = due_s;
	to->stuck |= end == REPORT_STUCK;
	to->sink(to->ctx, &(struct report){
		.kind = REPORT_MESSAGE, .id = id,
		.message = { .end = end, .due_s = due_s, .error = error },
	});
}

void
report_notice(struct reports *to, const char *id, enum notice_kind action, const char *notice_id,
    struct slice sender)
{
	to->sink(to->ctx, &(struct report){
		.kind = REPORT_NOTICE, .id = id,
		.notice = { .action = action, .id = notice_id, .to = sender },
	});
}

void
report_moved(struct reports *to, const char *destination, const char *host, const char *reply)
{
	to->sink(to->ctx, &(struct report){
		.kind = REPORT_MOVED, .id = "",
		.moved = { .destination = destination, .host = host, .reply = reply },
	});
}

void
report_tls_lost(struct reports *to, const struct learned_host *h)
{
	to->sink(to->ctx, &(struct report){ .kind = REPORT_TLS_LOST, .id = "", .tls_lost = h });
}

void
report_route(struct reports *to, const struct route *route, const struct frozen *entry)
{
	to->sink(to->ctx, &(struct report){
		.kind = REPORT_ROUTE, .id = "",
		.route = { .route = route, .entry = entry },
	});
}

void
report_trouble(struct reports *to, const char *what, const char *id, int error)
{
	to->sink(to->ctx, &(struct report){
		.kind = REPORT_TROUBLE, .id = id,
		.trouble = { .what = what, .error = error },
	});
}
