// SPDX-License-Identifier: ISC
/*
 * Results of an attempt: each outcome is marked, noted and reported.  Nothing here may log.
 * attempt/outcome decides what an outcome means; the runner decides when to try again.
 */
#include "attempt/attempt.h"

#include <signal.h>
#include <stdio.h>

#include "attempt/owed.h"
#include "base/clock.h"
#include "smtp/address.h"

#define NOTE_MAX \
	(SMTP_PATH_TEXT + OUTCOME_DETAIL + sizeof ((struct outcome *)NULL)->host + 512)

static void
mask_sigterm(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(how, &set, NULL);
}

void
attempt_keep_on(void)
{
	mask_sigterm(SIG_BLOCK);
}

void
attempt_may_stop(void)
{
	mask_sigterm(SIG_UNBLOCK);
}

static void
note_text(const struct queue_entry *e, uint32_t rcpt, const struct outcome *o, struct buf *b)
{
	struct slice path = e->rcpts[rcpt].path;

	buf_fmt(b, "<%.*s> %s %s", (int)path.n, path.p, outcome_text(o), o->status);
	if (o->host[0])
		buf_fmt(b, " host=%s", o->host);
	if (o->tls[0])
		buf_fmt(b, " tls=%s", o->tls);
	/* Last in the line, so quotes in it need no escape. */
	buf_fmt(b, " %s=\"%s\"", o->remote ? "reply" : "why", o->detail);
}

void
attempt_note(struct queue_entry *e, uint32_t rcpt, const struct outcome *o)
{
	const struct slice path = e->rcpts[rcpt].path;
	char space[NOTE_MAX];
	struct buf b = BUF(space);

	note_text(e, rcpt, o, &b);
	/* A message may wait for a rate many times. */
	if (!b.full && o->cause == CAUSE_RATE)
		(void)queue_note_again(e, path, buf_slice(&b),
		    path.n + sizeof "<> deferred 4.4.5" - 1);
	else if (!b.full)
		(void)queue_note(e, buf_slice(&b));	/* the log is a help, not a condition */
}

/* Hold back the line of an outcome if the message leaves the queue with this attempt: its log is
 * then not read again.  True if it was held; write_held() writes it if the message stays. */
static bool
hold_note(struct delivery *d, const struct queue_entry *e, uint32_t rcpt, const struct outcome *o)
{
	struct buf b = d->held;

	if (!d->leaves || d->undelivered || o->owed)
		return false;
	note_text(e, rcpt, o, &b);
	buf_chr(&b, '\n');
	if (!b.full)
		d->held = b;
	return !b.full;
}

static void
write_held(struct delivery *d, struct queue_entry *e)
{
	struct slice rest = buf_slice(&d->held);

	while (rest.n)
		(void)queue_note(e, slice_cut(rest, '\n', &rest));
	d->held.n = 0;
}

static int64_t
cut_time(int64_t us)
{
	return us < OUTCOME_TIME_MAX_US ? us : OUTCOME_TIME_MAX_US;
}

static struct outcome_times
times_of(const struct delivery *d)
{
	const struct outcome_times *t = &d->times;
	const int64_t all_us = clock_us() - d->begun_us;

	return (struct outcome_times){
		.dns_us = cut_time(t->dns_us), .connect_us = cut_time(t->connect_us),
		.send_us = cut_time(all_us - t->dns_us - t->connect_us),
		.latency_us = cut_time(t->latency_us),
	};
}

void
attempt_report(struct delivery *d, struct queue_entry *e, uint32_t rcpt, const struct outcome *o)
{
	struct outcome full = *o;

	full.times = times_of(d);
	/* An outcome that nobody has set must not count: as zeros it is a delivery. */
	if (!outcome_valid(&full))
		outcome_set(&full, CAUSE_LOCAL, SL(""), SL("the attempt ended without an outcome"));
	o = &full;
	d->undelivered |= o->kind != OUTCOME_DELIVERED;
	/* Mark first: after a crash the message must not be delivered again.  If the mark cannot be
	 * written, the sink still gets the outcome, and the runner finishes or defers the message
	 * by it. */
	if (o->kind == OUTCOME_DELIVERED) {
		enum queue_rcpt_state state = owed_state(e, rcpt, o);

		full.owed = state != QUEUE_DELIVERED;
		(void)queue_mark(e, rcpt, state);
	}
	if (!hold_note(d, e, rcpt, &full)) {
		write_held(d, e);
		attempt_note(e, rcpt, &full);
	}
	d->sink->rcpt(d->sink->ctx, &(struct attempt_result){
		.rcpt = rcpt, .path = e->rcpts[rcpt].path, .outcome = &full,
		.delay_us = clock_wall_us() - e->arrived_us,
	});
}

void
attempt_report_all(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n,
    const struct outcome *o)
{
	for (size_t i = 0; i < n; i++)
		attempt_report(d, e, rcpts[i], o);
}
