// SPDX-License-Identifier: ISC
/*
 * The process is believed to be as bad as Redis can be: an answer decides about a moment only, and
 * a fact about one host only.
 */
#include "runner/others.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "hosts/facts.h"

#define FRAMES_MAX 64		/* taken at once */
#define FACTS_MAX  64		/* told at once */
#define TELL_US	   50000	/* how late others get what this run has learned */

static void
say_hello(const struct runner *r)
{
	(void)sharing_send(&r->sharing, &(struct talk){ .kind = TALK_HELLO,
	    .since = r->hosts.heard_us });
}

static bool
has_something(const struct config *c)
{
	for (size_t i = 0; i < c->nroutes; i++)
		if (c->routes[i].interval_us || way_has_hosts(&c->routes[i]))
			return true;
	return false;
}

void
others_start(struct others *o, struct runner *r, const struct options *options)
{
	int error;

	o->runner = r;
	if (!r->config->shared.redis || !has_something(r->config))
		return;
	error = sharing_start(&r->sharing, options);
	if (error < 0)
		log_text(LOG_LEVEL_ERROR, "no limits are shared with other machines: smtp-shared: "
		    "%s", strerror(-error));
	say_hello(r);
}

void
others_tell(struct others *o)
{
	struct runner *r = o->runner;
	char space[TALK_FACT_MAX];

	for (int i = 0; i < FACTS_MAX && r->sharing.state == SHARING_HERE; i++) {
		struct buf fact = BUF(space);

		if (!facts_next(&r->hosts, clock_wall_s(), &fact))
			return;
		(void)sharing_send(&r->sharing, &(struct talk){ .kind = TALK_TELL,
		    .text = buf_slice(&fact) });
	}
}

void
others_end(struct others *o)
{
	sharing_end(&o->runner->sharing);
}

/* ---- answers ---- */

static void
be_alone(struct runner *r)
{
	r->sharing.state = SHARING_AWAY;
	if (r->turns.n)
		turns_alone(r);
	turns_own(r);
}

/* No answer came in time. */
static void
miss_answer(struct runner *r)
{
	be_alone(r);
	say_hello(r);
}

/* Too far ahead is nothing that machines agreed on. */
static bool
is_credible(const struct talk *t)
{
	return t->after_us <= RATES_LOOK_S * INT64_C(1000000) &&
	    t->after_us >= -RATES_GRACE_S * INT64_C(1000000);
}

static void
take_frame(struct runner *r, const struct talk *t)
{
	switch (t->kind) {
	case TALK_HERE:
		r->sharing.state = SHARING_HERE;
		r->turns.since_us = clock_us();
		break;
	case TALK_AWAY:
		be_alone(r);
		break;
	case TALK_GIVEN:
		if (is_credible(t))
			turns_given(r, t->number, t->after_us);
		else
			miss_answer(r);
		break;
	case TALK_NEWS:
		facts_take(&r->hosts, t->text, clock_wall_s());
		r->hosts.heard_us = t->since;
		break;
	case TALK_HELLO:
	case TALK_ASK:
	case TALK_TELL:
		break;
	}
}

static void
on_answer(void *ctx, uint32_t mask)
{
	static char space[TALK_OCTETS + 1];
	struct others *o = ctx;
	struct runner *r = o->runner;
	struct talk t;
	int got = 0;

	(void)mask;
	for (int i = 0; i < FRAMES_MAX && (got = sharing_next(&r->sharing, space, &t)) > 0; i++)
		take_frame(r, &t);
	if (got >= 0)
		return;
	be_alone(r);
	loop_forget_peer(o->answers.loop, r->sharing.fd);
	sharing_end(&r->sharing);
}

/* An answer that is there already is in time. */
static void
on_late(void *ctx, uint32_t mask)
{
	struct others *o = ctx;

	on_answer(ctx, mask);
	if (turns_left_us(o->runner) == 0)
		miss_answer(o->runner);
}

static void
on_tell(void *ctx, uint32_t mask)
{
	(void)mask;
	others_tell(ctx);
}

void
others_watch(struct others *o, struct loop *l)
{
	struct sharing *s = &o->runner->sharing;

	loop_timer(l, &o->late, on_late);
	loop_timer(l, &o->tell, on_tell);
	o->late.ctx = o->tell.ctx = o;
	if (s->state != SHARING_OFF && loop_peer(l, &o->answers, s->fd, on_answer) < 0)
		sharing_end(s);
	o->answers.ctx = o;
}

void
others_go_on(struct others *o)
{
	const struct runner *r = o->runner;
	const int64_t left_us = turns_left_us(r);

	if (left_us >= 0 && !loop_timer_set(&o->late))
		loop_set_timer(&o->late, (uint64_t)left_us);
	if (r->sharing.state == SHARING_HERE && r->hosts.untold && !loop_timer_set(&o->tell))
		loop_set_timer(&o->tell, TELL_US);
}
