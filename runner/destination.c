// SPDX-License-Identifier: ISC
/*
 * A hash of destinations by key, and their rings.  A destination moves between rings whenever its
 * state changes, so the next one that may get a worker is found at once.
 */
#include "runner/destination.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/idn.h"
#include "runner/rank.h"

#define DESTINATIONS_MAX 20000
#define TURNS            4	/* one job in four comes from each of the other lines, if any */

static size_t
key_bucket(const char *key)
{
	return hash_slice(HASH_START, slice_str(key)) % DESTINATION_BUCKETS;
}

/* Mail by MX is grouped by domain, other mail by its route: recipients of many domains share the
 * connection to one smarthost. */
static bool
make_key(struct buf *b, const struct route *route, struct slice domain, size_t *ret_name)
{
	struct idn_name space;

	buf_str(b, route->via_text);
	if (way_of(route->via)->by_domain) {
		buf_chr(b, ' ');
		*ret_name = b->n;
		buf_add(b, idn_canonical(domain, &space));
	} else {
		*ret_name = 0;
	}
	(void)buf_cstr(b);
	return !b->full;
}

const struct route *
destination_route(const struct config *c, const struct queue_entry *e, size_t rcpt,
    struct slice *ret_domain)
{
	const struct sender sender = { e->from, e->standing };

	*ret_domain = e->rcpts[rcpt].domain;
	if (ret_domain->n == 0)
		return config_postmaster(c, ret_domain);
	return config_route_from(c, sender, *ret_domain);
}

void
destination_name(struct buf *b, const struct route *route, struct slice domain)
{
	char space[1024];
	struct buf key = BUF(space);
	size_t name;

	if (make_key(&key, route, domain, &name))
		buf_str(b, space + name);
	else
		b->full = true;
}

struct destination *
destination_for(struct destinations *ds, const struct route *route, struct slice domain)
{
	char space[1024] = "";
	struct buf b = BUF(space);
	struct destination *d, **bucket;
	size_t name;

	if (!make_key(&b, route, domain, &name))
		return NULL;
	bucket = &ds->buckets[key_bucket(space)];
	for (d = *bucket; d; d = d->next)
		if (d->route == route && strcmp(d->key, space) == 0)
			return d;

	d = calloc(1, sizeof *d);
	if (!d || !(d->key = strdup(space))) {
		free(d);
		return NULL;
	}
	d->route = route;
	d->name = d->key + name;
	d->network = way_has_hosts(route);
	d->node.destination = d;
	/* One worker until something got through: a dead host then occupies one process only, and a
	 * new host is measured before many connect to it. */
	d->limit = 1;
	d->next = *bucket;
	*bucket = d;
	ds->n++;
	return d;
}

static bool
is_dead(struct destination *d)
{
	if (d->dead && clock_ms() >= d->dead_until_ms) {
		free(d->dead);
		d->dead = NULL;
	}
	return d->dead != NULL;
}

/* The rank of its best job: its level in a ring. */
static unsigned
best_rank(const struct destination *d)
{
	unsigned best = 0;

	for (size_t i = 0; i < JOB_LINES; i++)
		if (d->lines[i] && d->lines[i]->message->rank > best)
			best = d->lines[i]->message->rank;
	return best;
}

/* The ring in which it waits for a worker; NULL: it may not have one more. */
static struct ring *
ring_of(struct destinations *ds, struct destination *d, unsigned rank)
{
	if (d->waiting && is_dead(d))
		return &ds->rings[RING_DEAD];
	/* A worker that was dismissed may still use its connection. */
	if (!d->waiting || (d->vain ? d->processes : d->workers + d->leaving) >= d->limit)
		return NULL;
	if (!d->network)
		return &ds->rings[RING_LOCAL];
	if (d->site && !site_room(d->site, rank_foreign(rank)))
		return &d->site->waiting;
	if (d->proven)
		return &ds->rings[RING_PROVEN];
	return &ds->rings[d->lines[LINE_OWN] || d->lines[LINE_FOREIGN] ? RING_FRESH
								       : RING_DOUBTFUL];
}

void
destination_sleep(struct destination *d)
{
	if (d->woken)
		d->site->woken--;
	d->woken = false;
}

/* Leaves the place that is kept for it to others, unless it waits for a worker. */
static void
give_place(struct destinations *ds, struct destination *d, const struct ring *ring)
{
	if (!d->woken || (ring && ring != &d->site->waiting && ring != &ds->rings[RING_DEAD]))
		return;
	destination_sleep(d);
	destination_wake(ds, d->site);
}

void
destination_update(struct destinations *ds, struct destination *d)
{
	const unsigned rank = best_rank(d);
	struct ring *ring = ring_of(ds, d, rank);

	if (ring != d->node.ring || (ring && d->node.level != rank)) {
		ring_remove(&d->node);
		if (ring)
			ring_insert(ring, &d->node, rank);
	}
	give_place(ds, d, ring);
	if (d->site && !d->waiting && !d->processes)
		destination_set_site(ds, d, NULL);
}

void
destination_set_site(struct destinations *ds, struct destination *d, struct site *site)
{
	struct site *old = d->site;

	if (site == old)
		return;
	ring_remove(&d->node);
	destination_sleep(d);
	d->site = site;
	if (site)
		site->references++;
	destination_update(ds, d);
	if (!old)
		return;
	destination_wake(ds, old);
	site_put(&ds->sites, old);
}

void
destination_wake(struct destinations *ds, struct site *site)
{
	struct ring_node *node;

	while (site->workers + site->woken < site->most &&
	    (node = ring_front(&site->waiting, RANKS)) &&
	    site_room(site, rank_foreign(node->level))) {
		node->destination->woken = true;
		site->woken++;
		destination_update(ds, node->destination);
	}
}

void
destination_revive(struct destinations *ds, const char *host)
{
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++)
		for (struct destination *d = ds->buckets[i]; d; d = d->next) {
			if (host && !absent_has(d->absent, host))
				continue;
			d->dead_until_ms = 0;
			vain_drop(&d->vain);
			destination_update(ds, d);
		}
}

struct vain_who
destination_who(const struct job *job)
{
	return (struct vain_who){
		.sender = job->message->sender, .rcpts = job->hash, .verp = job->message->verp,
	};
}

static struct job **
line_of(struct destination *d, const struct message *m)
{
	if (!m->fresh)
		return &d->lines[LINE_RETRIED];
	return &d->lines[rank_foreign(m->rank) ? LINE_FOREIGN : LINE_OWN];
}

/* Puts a job into a line, as the first or the last of its rank. */
static void
line_insert(struct job **at, struct job *job, bool first)
{
	const unsigned rank = job->message->rank;
	struct job *same;

	while (*at && (*at)->message->rank > rank)
		at = &(*at)->last->next;
	same = *at && (*at)->message->rank == rank ? *at : NULL;
	if (!same || first) {
		job->next = *at;
		job->last = same ? same->last : job;
		*at = job;
		return;
	}
	job->next = same->last->next;
	same->last->next = job;
	same->last = job;
}

static void
enqueue(struct destinations *ds, struct destination *d, struct job *job, bool first)
{
	line_insert(line_of(d, job->message), job, first);
	d->waiting++;
	destination_update(ds, d);
}

void
destination_push(struct destinations *ds, struct destination *d, struct job *job)
{
	enqueue(ds, d, job, false);
}

void
destination_put_back(struct destinations *ds, struct destination *d, struct job *job)
{
	enqueue(ds, d, job, true);
}

/* Has more than one line a job? */
static bool
takes_turns(const struct destination *d)
{
	const struct job *own = d->lines[LINE_OWN], *foreign = d->lines[LINE_FOREIGN],
			 *retried = d->lines[LINE_RETRIED];

	return own ? foreign || retried : foreign && retried;
}

/* New mail of people here goes first, and each other line has a turn of its own meanwhile. */
static struct job **
next_line(struct destination *d)
{
	struct job **own = &d->lines[LINE_OWN], **foreign = &d->lines[LINE_FOREIGN],
		   **retried = &d->lines[LINE_RETRIED];
	const unsigned turn = takes_turns(d) ? (d->turn + 1) % TURNS : 1;

	if (*retried && (turn == 0 || (!*own && !*foreign)))
		return retried;
	return *foreign && (turn == 2 || !*own) ? foreign : own;
}

struct job *
destination_peek(struct destination *d)
{
	return *next_line(d);
}

struct job *
destination_pop(struct destinations *ds, struct destination *d)
{
	struct job **line = next_line(d), *job = *line;

	if (!job)
		return NULL;
	d->turn += takes_turns(d);
	*line = job->next;
	if (job->last != job)
		job->next->last = job->last;
	d->waiting--;
	destination_update(ds, d);
	return job;
}

static void
withdraw_from(struct destination *d, struct job **line, struct message *m)
{
	struct job *next = *line, *job;

	*line = NULL;
	while ((job = next)) {
		next = job->next;
		if (job->message != m) {
			line_insert(line, job, false);
			continue;
		}
		d->waiting--;
		free(job);
		m->jobs--;
	}
}

void
destination_withdraw(struct destinations *ds, struct message *m)
{
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++)
		for (struct destination *d = ds->buckets[i]; d; d = d->next) {
			if (!d->waiting)
				continue;
			withdraw_from(d, line_of(d, m), m);
			destination_update(ds, d);
		}
}

static void
destination_free(struct destinations *ds, struct destination *d)
{
	ds->n--;
	ring_remove(&d->node);
	destination_sleep(d);
	site_put(&ds->sites, d->site);
	absent_drop(&d->absent);
	vain_drop(&d->vain);
	free(d->dead);
	free(d->key);
	free(d);
}

void
destination_trim(struct destinations *ds)
{
	if (ds->n < DESTINATIONS_MAX)
		return;
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++)
		for (struct destination **at = &ds->buckets[i], *d; (d = *at);) {
			if (d->waiting || d->asking || d->processes || is_dead(d)) {
				at = &d->next;
				continue;
			}
			*at = d->next;
			destination_free(ds, d);
		}
}

void
destination_done(struct destinations *ds)
{
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++)
		while (ds->buckets[i]) {
			struct destination *d = ds->buckets[i];

			ds->buckets[i] = d->next;
			destination_free(ds, d);
		}
}
