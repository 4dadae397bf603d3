// SPDX-License-Identifier: ISC
/*
 * What a refused login means for the mail that waits: the route is left alone for a while, what would take it is deferred
 * without an attempt, and the operator hears of it once a run.  Called by the scheduler.
 */
#include "runner/internal.h"

static void
tell(struct runner *r, const struct route *route, struct frozen *f)
{
	if (!f->told)
		r->hooks->frozen(r->ctx, route, f);
	f->told = true;
}

void
freeze_heard(struct runner *r, struct destination *d, const struct outcome *o)
{
	struct frozen *f;

	if (o->cause == CAUSE_LOGIN) {
		d->limit = 1;		/* one will try, for all */
		d->proven = false;
		f = frozen_add(&r->frozen, d->route, o, runner_now_s());
		if (f)
			tell(r, d->route, f);
	} else if (o->kind == OUTCOME_DELIVERED && r->frozen.n && !frozen_now(&r->frozen, d->route, runner_now_s()) &&
		   frozen_remove(&r->frozen, d->route)) {	/* while it is frozen, sessions from before go on */
		r->hooks->frozen(r->ctx, d->route, NULL);
	}
}

bool
freeze_holds(struct runner *r, struct message *m, uint32_t rcpt, const struct route *route)
{
	struct frozen *f = r->frozen.n ? frozen_now(&r->frozen, route, runner_now_s()) : NULL;
	char space[OUTCOME_DETAIL + 400];
	struct buf b = BUF(space);
	struct outcome o;

	if (!f)
		return false;
	tell(r, route, f);
	buf_str(&b, "not tried again yet, as the last login was refused by ");
	buf_str(&b, f->why);
	outcome_set(&o, CAUSE_LOGIN, SL(""), buf_slice(&b));
	message_result(m, rcpt, &o, false);
	return true;
}

int64_t
freeze_until(struct runner *r, const struct queue_entry *e, uint32_t rcpt)
{
	struct slice domain;
	const struct route *route = message_route(r, e->from, &e->rcpts[rcpt], &domain);
	const struct frozen *f = frozen_now(&r->frozen, route, runner_now_s());

	return f ? f->until_s : 0;
}
