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

#define DESTINATIONS_MAX 20000
#define RETRIED_TURN     4	/* one job in four is one that was tried before, if there is any */

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
	buf_str(b, route->via_text);
	if (way_of(route->via)->by_domain) {
		buf_chr(b, ' ');
		*ret_name = b->n;
		for (size_t i = 0; i < domain.n; i++)
			buf_chr(b, ascii_lower(domain.p[i]));
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
	d->fresh.tail = &d->fresh.head;
	d->retried.tail = &d->retried.head;
	d->ring = DESTINATION_RINGS;
	/* One worker until something got through: a dead host then occupies one process only, and a
	 * new host is measured before many connect to it. */
	d->limit = 1;
	d->next = *bucket;
	*bucket = d;
	ds->n++;
	return d;
}

static void
ring_insert(struct destinations *ds, struct destination *d, enum destination_ring ring)
{
	struct destination **front = &ds->rings[ring];

	d->ring = ring;
	if (ring == DESTINATION_RINGS)
		return;
	if (!*front) {
		d->ring_next = d->ring_prev = d;
		*front = d;
		return;
	}
	d->ring_next = *front;
	d->ring_prev = (*front)->ring_prev;
	d->ring_prev->ring_next = d;
	d->ring_next->ring_prev = d;
}

static void
ring_remove(struct destinations *ds, struct destination *d)
{
	struct destination **front = &ds->rings[d->ring];

	if (d->ring == DESTINATION_RINGS)
		return;
	if (d->ring_next == d) {
		*front = NULL;
	} else {
		d->ring_next->ring_prev = d->ring_prev;
		d->ring_prev->ring_next = d->ring_next;
		if (*front == d)
			*front = d->ring_next;
	}
	d->ring_next = d->ring_prev = NULL;
	d->ring = DESTINATION_RINGS;
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

void
destination_update(struct destinations *ds, struct destination *d)
{
	enum destination_ring ring = DESTINATION_RINGS;

	if (d->waiting && is_dead(d))
		ring = RING_DEAD;
	else if (!d->waiting || d->workers >= d->limit)
		ring = DESTINATION_RINGS;
	else if (d->proven)
		ring = RING_PROVEN;
	else
		ring = d->fresh.head ? RING_FRESH : RING_DOUBTFUL;
	if (ring == d->ring)
		return;
	ring_remove(ds, d);
	ring_insert(ds, d, ring);
}

void
destination_revive(struct destinations *ds, const char *host)
{
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++)
		for (struct destination *d = ds->buckets[i]; d; d = d->next) {
			if (host && !absent_has(d->absent, host))
				continue;
			d->dead_until_ms = 0;
			destination_update(ds, d);
		}
}

static struct job_line *
line_of(struct destination *d, const struct job *job)
{
	return job->message->fresh ? &d->fresh : &d->retried;
}

void
destination_push(struct destinations *ds, struct destination *d, struct job *job)
{
	struct job_line *line = line_of(d, job);

	job->next = NULL;
	*line->tail = job;
	line->tail = &job->next;
	d->waiting++;
	destination_update(ds, d);
}

void
destination_put_back(struct destinations *ds, struct destination *d, struct job *job)
{
	struct job_line *line = line_of(d, job);

	job->next = line->head;
	if (!line->head)
		line->tail = &job->next;
	line->head = job;
	d->waiting++;
	destination_update(ds, d);
}

struct job *
destination_pop(struct destinations *ds, struct destination *d)
{
	bool retried = !d->fresh.head || (d->retried.head && ++d->turn % RETRIED_TURN == 0);
	struct job_line *line = retried ? &d->retried : &d->fresh;
	struct job *job = line->head;

	if (!job)
		return NULL;
	line->head = job->next;
	if (!line->head)
		line->tail = &line->head;
	d->waiting--;
	destination_update(ds, d);
	return job;
}

static void
withdraw_from(struct destination *d, struct job_line *line, struct message *m)
{
	struct job **at = &line->head, *job;

	while ((job = *at)) {
		if (job->message != m) {
			at = &job->next;
			continue;
		}
		*at = job->next;
		d->waiting--;
		free(job);
		m->jobs--;
	}
	line->tail = at;
}

void
destination_withdraw(struct destinations *ds, struct message *m)
{
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++)
		for (struct destination *d = ds->buckets[i]; d; d = d->next) {
			if (!d->waiting)
				continue;
			withdraw_from(d, m->fresh ? &d->fresh : &d->retried, m);
			destination_update(ds, d);
		}
}

static void
destination_free(struct destinations *ds, struct destination *d)
{
	ds->n--;
	absent_drop(&d->absent);
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
			if (d->waiting || d->processes || is_dead(d)) {
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
	memset(ds->rings, 0, sizeof ds->rings);
}
