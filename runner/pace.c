// SPDX-License-Identifier: ISC
/*
 * Workers are few, and a dead host holds one for as long as its timeouts last.  Destinations that
 * have not answered in this run therefore get only a share of them while others have mail.  No I/O.
 */
#include "runner/pace.h"

#include <stdlib.h>

#include "base/clock.h"
#include "runner/runner.h"

#define LIMIT_PROVEN 5		/* workers of a destination after its first success */
#define PRICE_FULL   10		/* successes of each worker before one more, after a refusal */
#define LOST_MAX     3		/* connections in a row that broke off: then it is dead */
#define JOBS_WORTH   10		/* waiting jobs a worker that justify one more worker */
#define JOBS_MAX     100	/* jobs of an only worker, if other destinations wait for one */
#define DEAD_MAX_MS  INT64_C(150000)

/* All jobs in line would have the same outcome.  The destination is dead only for a short time,
 * because the host may be back. */
static void
declare_dead(struct runner *r, struct destination *d, const struct outcome *o)
{
	int64_t for_ms = (int64_t)r->config->queue.retry_min_s * 500;

	d->limit = 1;
	d->proven = false;
	d->lost = d->credit = d->price = 0;
	free(d->dead);
	d->dead = malloc(sizeof *d->dead);
	if (!d->dead)
		return;
	*d->dead = *o;
	/* A permanent failure holds for the jobs in line now; later jobs get an attempt of their
	 * own. */
	if (o->kind == OUTCOME_FAILED || for_ms < 1000)
		for_ms = 1000;
	d->dead_until_ms = clock_ms() + (for_ms < DEAD_MAX_MS ? for_ms : DEAD_MAX_MS);
}

static void
grow_limit(struct runner *r, struct destination *d)
{
	d->lost = 0;
	if (!d->proven)
		d->limit = d->limit < LIMIT_PROVEN ? LIMIT_PROVEN : d->limit;
	else if (++d->credit >= d->price)
		d->limit++, d->credit = 0;
	d->proven = true;
	if (d->limit > r->config->relay.per_destination)
		d->limit = (unsigned)r->config->relay.per_destination;
}

enum pace
pace_update(struct runner *r, struct destination *d, const struct outcome *o)
{
	enum pace pace = PACE_ON;

	if (o && o->cause == CAUSE_LOGIN) {	/* one worker tries to log in, for all others */
		d->limit = 1;
		d->proven = false;
	}
	if (!o) {
		/* Nothing is known about the destination. */
	} else if (o->everyone && d->proven && d->workers > 1) {
		/* Other connections work: this was one too many. */
		d->limit = d->workers - 1;
		d->price = PRICE_FULL * d->limit;
		pace = PACE_AGAIN;
	} else if (o->everyone) {
		declare_dead(r, d, o);
	} else if (o->cause == CAUSE_LOST || o->cause == CAUSE_PROTOCOL) {
		d->limit = d->limit > 1 ? d->limit / 2 : 1;
		if (++d->lost >= LOST_MAX)
			declare_dead(r, d, o);
	} else if (o->cause != CAUSE_LOCAL) {	/* it answered, whatever the reply was */
		grow_limit(r, d);
	}
	destination_update(&r->destinations, d);
	return pace;
}

struct census {
	unsigned unproven;	/* workers of destinations that have not answered in this run */
	unsigned doubtful;	/* such workers that were started for mail that failed before */
};

static struct census
count_workers(const struct runner *r)
{
	struct census c = { 0 };

	for (const struct worker *w = r->workers; w; w = w->next) {
		c.unproven += !w->destination->proven;
		c.doubtful += !w->destination->proven && w->doubtful;
	}
	return c;
}

/* One process in ten is for mail that failed before, and never more than half of them. */
static bool
doubtful_turn(const struct runner *r, const struct census *c, bool others)
{
	const unsigned all = (unsigned)r->config->relay.processes;

	if (!r->destinations.rings[RING_DOUBTFUL])
		return false;
	return others ? r->nworkers - c->doubtful >= all - all / 10
		      : c->doubtful < (all > 1 ? all / 2 : 1);
}

/* Would one more worker make a proven destination much quicker? */
static bool
worth_another(const struct destination *d)
{
	return d->workers == 0 || d->waiting > JOBS_WORTH * d->workers;
}

struct destination *
pace_next(struct runner *r)
{
	const bool proven = r->destinations.rings[RING_PROVEN],
		   fresh = r->destinations.rings[RING_FRESH];
	const unsigned all = (unsigned)r->config->relay.processes;
	enum destination_ring ring;
	struct destination *d;
	struct census c;

	if (r->nworkers >= all)
		return NULL;
	c = count_workers(r);
	if (proven && fresh && !worth_another(r->destinations.rings[RING_PROVEN]))
		r->destinations.rings[RING_PROVEN] = r->destinations.rings[RING_PROVEN]->ring_next;
	if (doubtful_turn(r, &c, proven || fresh))
		ring = RING_DOUBTFUL;
	else if (proven &&
	    (!fresh ||
		(c.unproven >= all / 2 && worth_another(r->destinations.rings[RING_PROVEN]))))
		ring = RING_PROVEN;
	else if (fresh)
		ring = RING_FRESH;
	else
		return NULL;
	d = r->destinations.rings[ring];
	r->destinations.rings[ring] = d->ring_next;	/* the next one in turn */
	return d;
}

bool
pace_yield(const struct runner *r, const struct worker *w)
{
	const struct destination *d = w->destination, *proven = r->destinations.rings[RING_PROVEN];
	const bool others = r->destinations.rings[RING_FRESH] ||
	    (proven && (proven != d || proven->ring_next != d));
	struct census c;

	if (d->dead || d->workers > d->limit)
		return true;
	if (r->nworkers < r->config->relay.processes || (d->workers == 1 && w->count < JOBS_MAX))
		return false;
	c = count_workers(r);
	return others || doubtful_turn(r, &c, true);
}
