// SPDX-License-Identifier: ISC
/*
 * Destinations: the next hops that have mail waiting, and the ring of those that
 * could use a worker right now.  A destination lives as long as the run: what was
 * learned of it (its limit, whether it works) is not forgotten between messages.
 */
#include "runner/internal.h"

#include <stdlib.h>

#include "base/clock.h"

/* FNV-1a: short keys, no adversary (a collision only costs a comparison). */
static size_t
key_bucket(const char *key)
{
	uint32_t h = 2166136261u;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 16777619u;
	return h % RUNNER_BUCKETS;
}

/* Mail by MX is grouped by domain, everything else by its route: recipients of many
 * domains share the connection to one smarthost. */
static bool
make_key(struct buf *b, const struct route *route, struct slice domain, size_t *ret_name)
{
	buf_str(b, route->via_text);
	if (route->via == VIA_MX) {
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
	d->tail = &d->head;
	/* One until something got through: a dead host then ties up one process, and a
	 * new one is measured before many connect to it. */
	d->limit = 1;
	d->next = *bucket;
	*bucket = d;
	return d;
}

static void
ring_insert(struct runner *r, struct destination *d)
{
	if (!r->ready) {
		d->ring_next = d->ring_prev = d;
		r->ready = d;
		return;
	}
	/* Behind all others: r->ready is the front. */
	d->ring_next = r->ready;
	d->ring_prev = r->ready->ring_prev;
	d->ring_prev->ring_next = d;
	d->ring_next->ring_prev = d;
}

static void
ring_remove(struct runner *r, struct destination *d)
{
	if (d->ring_next == d) {
		r->ready = NULL;
	} else {
		d->ring_next->ring_prev = d->ring_prev;
		d->ring_prev->ring_next = d->ring_next;
		if (r->ready == d)
			r->ready = d->ring_next;
	}
	d->ring_next = d->ring_prev = NULL;
}

void
destination_update(struct runner *r, struct destination *d)
{
	bool wants = d->head && d->workers < d->limit;

	if (wants && !d->ring_next)
		ring_insert(r, d);
	else if (!wants && d->ring_next)
		ring_remove(r, d);
}

void
destination_push(struct runner *r, struct destination *d, struct job *job)
{
	job->next = NULL;
	*d->tail = job;
	d->tail = &job->next;
	d->waiting++;
	destination_update(r, d);
}

void
destination_put_back(struct runner *r, struct destination *d, struct job *job)
{
	job->next = d->head;
	if (!d->head)
		d->tail = &job->next;
	d->head = job;
	d->waiting++;
	destination_update(r, d);
}

struct job *
destination_pop(struct runner *r, struct destination *d)
{
	struct job *job = d->head;

	if (!job)
		return NULL;
	d->head = job->next;
	if (!d->head)
		d->tail = &d->head;
	d->waiting--;
	destination_update(r, d);
	return job;
}

static void
withdraw(struct runner *r, struct destination *d, const struct message *m, size_t *jobs)
{
	struct job **at = &d->head, *job;

	while ((job = *at)) {
		if (job->message != m) {
			at = &job->next;
			continue;
		}
		*at = job->next;
		d->waiting--;
		free(job);
		--*jobs;
	}
	d->tail = at;
	destination_update(r, d);
}

void
destinations_withdraw(struct runner *r, struct message *m)
{
	for (size_t i = 0; i < RUNNER_BUCKETS; i++)
		for (struct destination *d = r->destinations[i]; d; d = d->next)
			if (d->head)
				withdraw(r, d, m, &m->jobs);
}

void
destinations_done(struct runner *r)
{
	for (size_t i = 0; i < RUNNER_BUCKETS; i++) {
		struct destination *d, *next;

		for (d = r->destinations[i]; d; d = next) {
			next = d->next;
			free(d->key);
			free(d);
		}
		r->destinations[i] = NULL;
	}
	r->ready = NULL;
}
