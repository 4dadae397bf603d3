// SPDX-License-Identifier: ISC
/*
 * Workers are few, and a host may hold one for as long as its timeouts last.  So nobody can take
 * all of them: each kind of mail has a share, and the rest is kept for better mail.  No I/O.
 *
 *	of 100 workers	at most
 *	87		over the network: the rest is for local mail
 *	75		for destinations that have not answered in this run
 *	75		for bounces and mail of strangers, over the network
 *	50		for destinations that have not answered, with nothing better than foreign
 *			mail or mail that failed before
 *	40		of these for foreign mail
 */
#include "runner/pace.h"

#include <stdlib.h>

#include "base/clock.h"
#include "runner/dials.h"
#include "runner/rank.h"
#include "runner/runner.h"

#define LIMIT_PROVEN 5		/* workers of a destination after its first success */
#define PRICE_FULL   10		/* successes of each worker before one more, after a refusal */
#define JOBS_WORTH   10		/* waiting jobs a worker that justify one more worker */
#define LINE_MS      1000	/* time that the line needs, for the same */
#define FEW_OF	     4		/* less than one process in four: few are at work */
#define OPEN_JOBS    4		/* a connection takes as many round trips as so many jobs */
#define SKIPS_MAX    16		/* destinations of a ring that are passed over at a time */
#define JOBS_MAX     100	/* jobs of an only worker, if other destinations wait for one */
#define TURN_MS      30000	/* time of an only worker, if other destinations wait for one */
#define FOREIGN_TURN 4		/* one worker in four is for foreign mail, if there is any */
#define DEAD_MAX_MS  INT64_C(150000)

/* All jobs in line would have the same outcome.  The destination is dead only for a short time,
 * because the host may be back. */
static void
declare_dead(struct runner *r, struct destination *d, const struct outcome *o)
{
	int64_t for_ms = (int64_t)r->config->queue.retry_min_s * 500;

	d->limit = 1;
	d->proven = false;
	vain_drop(&d->vain);
	d->credit = d->price = 0;
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
	if (!d->proven)
		d->limit = d->limit < LIMIT_PROVEN ? LIMIT_PROVEN : d->limit;
	else if (++d->credit >= d->price)
		d->limit++, d->credit = 0;
	d->proven = true;
	if (d->limit > r->config->relay.per_destination)
		d->limit = (unsigned)r->config->relay.per_destination;
}

enum pace
pace_update(struct runner *r, struct destination *d, const struct vain_who *who,
    const struct outcome *o)
{
	enum pace pace = PACE_ON;
	struct outcome all;

	if (o && !o->everyone)
		vain_learn(&d->vain, who, o, clock_ms());
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
	} else if (vain_all(d->vain, &all)) {
		declare_dead(r, d, &all);
	} else if (o->bar == BAR_SESSION || o->cause == CAUSE_LOST || o->cause == CAUSE_PROTOCOL) {
		d->limit = d->limit > 1 ? d->limit / 2 : 1;
	} else if (o->cause != CAUSE_LOCAL && o->bar == BAR_NONE) {
		/* It answered, whatever the reply was. */
		if (o->kind == OUTCOME_DELIVERED || o->remote)
			d->dead_until_ms = 0;
		grow_limit(r, d);
	}
	destination_update(&r->destinations, d);
	return pace;
}

void
pace_started(struct runner *r, struct worker *w, struct destination *d)
{
	w->destination = d;
	w->doubtful = d->node.ring == &r->destinations.rings[RING_DOUBTFUL];
	w->foreign = rank_foreign(d->node.level);
	w->begun_ms = clock_ms();
	w->next = r->workers;
	r->workers = w;
	r->nworkers++;
	r->nnetwork += d->network;
	r->nforeign += d->network && w->foreign;
	dials_reserve(r, w);
	d->processes++;
	d->workers++;
	destination_update(&r->destinations, d);
}

void
pace_over(struct worker *w)
{
	struct destination *d = w->destination;
	const int64_t now_ms = clock_ms();
	int64_t job_ms = w->over_ms ? now_ms - w->over_ms : (now_ms - w->begun_ms) / OPEN_JOBS;

	if (d->job_ms)
		job_ms = (3 * d->job_ms + job_ms) / 4;
	d->job_ms = job_ms > 0 ? job_ms : 1;
	w->over_ms = now_ms;
}

void
pace_job(struct runner *r, struct worker *w, unsigned rank)
{
	const bool network = w->destination->network;

	r->nforeign -= network && w->foreign;
	w->foreign = rank_foreign(rank);
	r->nforeign += network && w->foreign;
}

void
pace_idle(struct runner *r, struct worker *w)
{
	w->destination->leaving -= w->leaving;
	w->leaving = false;
	destination_update(&r->destinations, w->destination);
}

void
pace_dismissed(struct runner *r, struct worker *w)
{
	w->ending = true;
	w->leaving = w->njobs > 0;
	w->destination->leaving += w->leaving;
	w->destination->workers--;
	destination_update(&r->destinations, w->destination);
}

void
pace_ended(struct runner *r, struct worker *w)
{
	struct worker **at = &r->workers;
	struct destination *d = w->destination;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	dials_drop(r, w);
	r->nworkers--;
	r->nnetwork -= d->network;
	r->nforeign -= d->network && w->foreign;
	d->processes--;
	d->leaving -= w->leaving;
	if (!w->ending)
		d->workers--;
	destination_update(&r->destinations, d);
}

/* ---- shares ---- */

static unsigned
all_workers(const struct runner *r)
{
	return (unsigned)r->config->relay.processes;
}

/* A share of the workers; at least one. */
static unsigned
share_of(unsigned n)
{
	return n ? n : 1;
}

/* A quarter is for mail without network and for destinations that answered in this run. */
static unsigned
unproven_share(unsigned all)
{
	return share_of(all - (all + 3) / 4);
}

/* Some are for mail without network, unless there are too few. */
static unsigned
network_share(unsigned all)
{
	return all < 4 ? all : all - (all + 7) / 8;
}

/* The workers for mail over the network. */
struct census {
	unsigned network;	/* all of them */
	unsigned foreign;
	unsigned unproven;	/* of destinations that have not answered in this run */
	unsigned doubtful;	/* of these: for mail that failed before */
	unsigned lesser;	/* of these: for mail that failed before, or foreign mail */
	unsigned lesser_foreign;
};

/* All workers but this one, which may be NULL. */
static struct census
count_workers(const struct runner *r, const struct worker *without)
{
	struct census c = { 0 };

	for (const struct worker *w = r->workers; w; w = w->next) {
		if (w == without || !w->destination->network)
			continue;
		c.network++;
		c.foreign += w->foreign;
		if (w->destination->proven)
			continue;
		c.unproven++;
		c.doubtful += w->doubtful;
		c.lesser += w->doubtful || w->foreign;
		c.lesser_foreign += w->foreign;
	}
	return c;
}

/* Is there a worker for it within the shares? */
static bool
may_start(const struct runner *r, const struct census *c, const struct ring_node *node)
{
	const unsigned all = all_workers(r);
	const struct destination *d = node->destination;
	const bool foreign = rank_foreign(node->level);

	if (!d->network)
		return true;
	if (c->network >= network_share(all) || (foreign && c->foreign >= unproven_share(all)))
		return false;
	if (d->proven)
		return true;
	if (c->unproven >= unproven_share(all))
		return false;
	if (!foreign && node->ring == &r->destinations.rings[RING_FRESH])
		return true;
	return c->lesser < share_of(all / 2) &&
	    !(foreign && c->lesser_foreign >= share_of(all / 2 - all / 10));
}

/* A front that is in its ring by right.  A site that has filled up since then changes that. */
static struct ring_node *
front_of(struct runner *r, enum destination_ring which, unsigned below)
{
	struct ring *ring = &r->destinations.rings[which];
	struct ring_node *node;

	while ((node = ring_front(ring, below))) {
		const unsigned level = node->level;

		destination_update(&r->destinations, node->destination);
		if (node->ring == ring && node->level == level)
			break;
	}
	return node;
}

/* The destination of a ring that may get a worker; NULL: none. */
static struct ring_node *
candidate(struct runner *r, const struct census *c, enum destination_ring which)
{
	struct ring_node *best = front_of(r, which, RANKS), *foreign = NULL;

	if (!best || !may_start(r, c, best))
		return NULL;
	if (!rank_foreign(best->level))
		foreign = front_of(r, which, RANK_OWN);
	if (foreign && may_start(r, c, foreign) && ++r->turn % FOREIGN_TURN == 0)
		return foreign;
	return best;
}

/* A tenth of a share is for mail that failed before. */
static bool
doubtful_turn(const struct runner *r, const struct census *c, bool others)
{
	const unsigned all = all_workers(r), tenth = all / 10;

	return !others || c->network - c->doubtful >= network_share(all) - tenth ||
	    c->unproven - c->doubtful >= unproven_share(all) - tenth;
}

/* If many are at work, a worker for the last few jobs of a near host costs more than it saves, and
 * delays others.  If few are, it keeps connections short: some servers, such as Exim by default,
 * put what comes after ten messages into their queue. */
bool
pace_worth(const struct runner *r, const struct destination *d, bool others)
{
	if (d->workers == 0 || d->waiting > JOBS_WORTH * d->workers)
		return true;
	return !others && (r->nworkers < all_workers(r) / FEW_OF || d->job_ms == 0 ||
		(int64_t)d->waiting * d->job_ms > LINE_MS * d->workers);
}

/* A proven destination for which a worker is worth its start; NULL: none was found. */
static struct ring_node *
proven_candidate(struct runner *r, const struct census *c)
{
	const bool others = r->destinations.rings[RING_FRESH].levels;
	struct ring_node *node;

	for (unsigned skips = 0; skips < SKIPS_MAX; skips++) {
		node = candidate(r, c, RING_PROVEN);
		if (!node || pace_worth(r, node->destination, others))
			return node;
		ring_turn(node);
	}
	return NULL;
}

/* Does the proven destination go before one that was not tried? */
static bool
proven_first(const struct runner *r, const struct census *c, const struct ring_node *proven,
    const struct ring_node *fresh)
{
	if (!fresh)
		return true;
	if (proven->level != fresh->level)
		return proven->level > fresh->level;
	return c->unproven >= all_workers(r) / 2;
}

struct destination *
pace_next(struct runner *r)
{
	struct ring *rings = r->destinations.rings;
	struct ring_node *node, *proven, *fresh, *doubtful;
	struct census c;

	if (r->nworkers >= all_workers(r))
		return NULL;
	node = front_of(r, RING_LOCAL, RANKS);
	if (!node && (rings[RING_PROVEN].levels || rings[RING_FRESH].levels ||
	    rings[RING_DOUBTFUL].levels)) {
		c = count_workers(r, NULL);
		proven = proven_candidate(r, &c);
		fresh = candidate(r, &c, RING_FRESH);
		doubtful = candidate(r, &c, RING_DOUBTFUL);
		if (doubtful && doubtful_turn(r, &c, proven || fresh))
			node = doubtful;
		else
			node = proven && proven_first(r, &c, proven, fresh) ? proven : fresh;
	}
	if (!node)
		return NULL;
	ring_turn(node);	/* the next one in turn */
	return node->destination;
}

bool
pace_full(const struct runner *r, const struct destination *d)
{
	const unsigned all = all_workers(r);
	const bool foreign = rank_foreign(d->node.level);

	if (r->nworkers >= all || (d->site && !site_room(d->site, foreign)))
		return true;
	return d->network && (r->nnetwork >= network_share(all) ||
	    (foreign && r->nforeign >= unproven_share(all)));
}

/* Could another destination of the ring have the place of a worker of d, which is not counted? */
static bool
other_waits(const struct runner *r, const struct census *c, enum destination_ring which,
    const struct destination *d)
{
	const struct ring_node *node = ring_front(&r->destinations.rings[which], RANKS);

	if (node && node->destination == d)
		node = node->next != node ? node->next : ring_front(node->ring, node->level);
	return node && may_start(r, c, node);
}

/* Do other destinations wait until this worker leaves its site? */
static bool
site_wanted(const struct worker *w)
{
	for (unsigned i = 0; i < w->nsites; i++) {
		const struct site *site = w->sites[i].site;

		if (site->waiting.levels && site->workers >= site->most)
			return true;
	}
	return false;
}

bool
pace_yield(const struct runner *r, const struct worker *w)
{
	const struct destination *d = w->destination;
	struct census c;

	if (d->dead || d->workers > d->limit)
		return true;
	if (d->workers == 1 && w->count < JOBS_MAX && clock_ms() - w->begun_ms < TURN_MS)
		return false;
	if (site_wanted(w))
		return true;
	if (r->nworkers < all_workers(r) &&
	    !(d->network && r->nnetwork >= network_share(all_workers(r))))
		return false;
	c = count_workers(r, w);
	return other_waits(r, &c, RING_LOCAL, d) || other_waits(r, &c, RING_PROVEN, d) ||
	    other_waits(r, &c, RING_FRESH, d) ||
	    (other_waits(r, &c, RING_DOUBTFUL, d) && doubtful_turn(r, &c, true));
}
