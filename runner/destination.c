// SPDX-License-Identifier: ISC
/*
 * Destinations: the next hops that have mail waiting, and the rings of those that
 * could use a worker right now (pace.c says which of them gets one).  What was learned of a destination
 * (its limit, whether it works) is not forgotten between messages, unless there are very many.
 */
#include "runner/internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"

#define DESTINATIONS_MAX 20000
#define RETRIED_TURN     4	/* every so many jobs one that was tried before, whatever comes in */

static size_t
key_bucket(const char *key)
{
	return hash_slice(HASH_START, slice_str(key)) % RUNNER_BUCKETS;
}

/* Mail by MX is grouped by domain, everything else by its route: recipients of many
 * domains share the connection to one smarthost. */
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

struct destination *
destination_for(struct runner *r, const struct route *route, struct slice domain)
{
	char space[1024] = "";
	struct buf b = BUF(space);
	struct destination *d, **bucket;
	size_t name;

	if (!make_key(&b, route, domain, &name))
		return NULL;
	bucket = &r->destinations[key_bucket(space)];
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
	d->ring = RUNNER_RINGS;
	/* One until something got through: a dead host then ties up one process, and a
	 * new one is measured before many connect to it. */
	d->limit = 1;
	d->next = *bucket;
	*bucket = d;
	r->ndestinations++;
	return d;
}

static void
ring_insert(struct runner *r, struct destination *d, enum runner_ring ring)
{
	struct destination **front = &r->rings[ring];

	d->ring = ring;
	if (ring == RUNNER_RINGS)
		return;
	if (!*front) {
		d->ring_next = d->ring_prev = d;
		*front = d;
		return;
	}
	/* Behind all others. */
	d->ring_next = *front;
	d->ring_prev = (*front)->ring_prev;
	d->ring_prev->ring_next = d;
	d->ring_next->ring_prev = d;
}

static void
ring_remove(struct runner *r, struct destination *d)
{
	struct destination **front = &r->rings[d->ring];

	if (d->ring == RUNNER_RINGS)
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
	d->ring = RUNNER_RINGS;
}

void
destination_update(struct runner *r, struct destination *d)
{
	enum runner_ring ring = RUNNER_RINGS;

	if (d->waiting && pace_dead(d))
		ring = RING_DEAD;
	else if (!d->waiting || d->workers >= d->limit)
		ring = RUNNER_RINGS;
	else if (d->proven)
		ring = RING_PROVEN;
	else
		ring = d->fresh.head ? RING_FRESH : RING_DOUBTFUL;
	if (ring == d->ring)
		return;
	ring_remove(r, d);
	ring_insert(r, d, ring);
}

static struct line *
line_of(struct destination *d, const struct job *job)
{
	return job->message->fresh ? &d->fresh : &d->retried;
}

void
destination_push(struct runner *r, struct destination *d, struct job *job)
{
	struct line *line = line_of(d, job);

	job->next = NULL;
	*line->tail = job;
	line->tail = &job->next;
	d->waiting++;
	destination_update(r, d);
}

void
destination_put_back(struct runner *r, struct destination *d, struct job *job)
{
	struct line *line = line_of(d, job);

	job->next = line->head;
	if (!line->head)
		line->tail = &job->next;
	line->head = job;
	d->waiting++;
	destination_update(r, d);
}

/* New mail first, but what was tried before is not to wait for ever behind it. */
struct job *
destination_pop(struct runner *r, struct destination *d)
{
	bool retried = !d->fresh.head || (d->retried.head && ++d->turn % RETRIED_TURN == 0);
	struct line *line = retried ? &d->retried : &d->fresh;
	struct job *job = line->head;

	if (!job)
		return NULL;
	line->head = job->next;
	if (!line->head)
		line->tail = &line->head;
	d->waiting--;
	destination_update(r, d);
	return job;
}

static void
withdraw(struct destination *d, struct line *line, struct message *m)
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
destinations_withdraw(struct runner *r, struct message *m)
{
	for (size_t i = 0; i < RUNNER_BUCKETS; i++)
		for (struct destination *d = r->destinations[i]; d; d = d->next) {
			if (!d->waiting)
				continue;
			withdraw(d, m->fresh ? &d->fresh : &d->retried, m);
			destination_update(r, d);
		}
}

static void
destination_free(struct runner *r, struct destination *d)
{
	r->ndestinations--;
	absent_drop(&d->absent);
	free(d->dead);
	free(d->key);
	free(d);
}

void
destinations_trim(struct runner *r)
{
	if (r->ndestinations < DESTINATIONS_MAX)
		return;
	for (size_t i = 0; i < RUNNER_BUCKETS; i++)
		for (struct destination **at = &r->destinations[i], *d; (d = *at);) {
			if (d->waiting || d->processes || pace_dead(d)) {
				at = &d->next;
				continue;
			}
			*at = d->next;
			destination_free(r, d);
		}
}

void
destinations_done(struct runner *r)
{
	for (size_t i = 0; i < RUNNER_BUCKETS; i++)
		while (r->destinations[i]) {
			struct destination *d = r->destinations[i];

			r->destinations[i] = d->next;
			destination_free(r, d);
		}
	memset(r->rings, 0, sizeof r->rings);
}
