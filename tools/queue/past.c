// SPDX-License-Identifier: ISC
/*
 * Lines of the history are some time apart, mostly an hour.  The difference of two of them is
 * spread evenly over that time.
 */
#include "tools/queue/past.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stats/stats.h"

#define HOUR 3600

struct reading {
	struct past *past;
	struct history_line last;	/* of the counters */
	bool any;
};

/* The difference to an earlier value.  Counters that are less than before began anew. */
static double
grown(uint64_t now, uint64_t before)
{
	return (double)(now >= before ? now - before : now);
}

/* Spread n over the hours from..to. */
static void
spread(const struct past *p, double hours[PAST_HOURS], double n, int64_t from_s, int64_t to_s)
{
	const int64_t last = p->now_s / HOUR;

	for (int i = 0; n > 0 && i < PAST_HOURS; i++) {
		const int64_t begin_s = (last - PAST_HOURS + 1 + i) * HOUR;
		const int64_t a = from_s > begin_s ? from_s : begin_s;
		const int64_t b = to_s < begin_s + HOUR ? to_s : begin_s + HOUR;

		if (a < b)
			hours[i] += n * (double)(b - a) / (double)(to_s - from_s);
	}
}

static void
take_counts(struct reading *r, const struct history_line *l)
{
	struct past *p = r->past;
	const struct history_line *last = &r->last;
	const int64_t day_s = p->now_s - PAST_DAY * HOUR;

	/* A clock was wrong: what was counted then belongs to the next line. */
	if (l->at_s > p->now_s || (r->any && l->at_s <= last->at_s))
		return;
	if (r->any) {
		const int64_t a = last->at_s > day_s ? last->at_s : day_s;
		const double share = l->at_s > day_s
		    ? (double)(l->at_s - a) / (double)(l->at_s - last->at_s) : 0;

		for (unsigned i = 0; i < COUNTED_SUMS; i++) {
			const double n = grown(l->sums[i], last->sums[i]);

			spread(p, p->sums[i], n, last->at_s, l->at_s);
			p->day[i] += n * share;
		}
		for (unsigned i = 0; i < CAUSE_COUNT; i++)
			p->causes[i] += grown(l->causes[i], last->causes[i]) * share;
	} else {
		p->since_s = l->at_s;
	}
	r->any = true;
	r->last = *l;
}

static struct past_host *
find_host(struct past *p, const struct history_line *l)
{
	struct past_host *h = p->hosts;

	while (h < p->hosts + p->nhosts && strcmp(h->address, l->address) != 0)
		h++;
	if (h == p->hosts + PAST_HOSTS)
		return NULL;
	if (h == p->hosts + p->nhosts) {
		p->nhosts++;
		memcpy(h->address, l->address, sizeof h->address);
		for (size_t i = 0; i < PAST_HOURS; i++)
			h->ms[i] = -1;
	}
	memcpy(h->name, l->name, sizeof h->name);
	return h;
}

static void
take_host(struct past *p, const struct history_line *l)
{
	const int64_t ago = p->now_s / HOUR - l->at_s / HOUR;
	struct past_host *h;

	if (ago < 0 || ago >= PAST_HOURS || !(h = find_host(p, l)))
		return;
	h->known += h->ms[PAST_HOURS - 1 - ago] < 0;
	h->ms[PAST_HOURS - 1 - ago] = (double)l->first_us / 1000;
	h->connect_us = l->connect_us;
	h->first_us = l->first_us;
	h->failures = l->failures;
}

static void
take_line(void *ctx, const struct history_line *l)
{
	struct reading *r = ctx;

	if (l->of_host)
		take_host(r->past, l);
	else
		take_counts(r, l);
}

/* The counters and the hosts as the next lines would have them. */
static void
take_now(struct reading *r, const struct queue *q)
{
	static struct counted counted;
	struct history_line line = { .at_s = r->past->now_s };
	struct hosts hosts;

	counted_read(q, &counted);
	counted_add_up(&counted, line.sums);
	memcpy(line.causes, counted.files[0].counts[STATS_CAUSES], sizeof line.causes);
	take_counts(r, &line);
	hosts_load(&hosts, q->state);
	for (size_t i = 0; i < hosts.n; i++) {
		const struct host *h = &hosts.list[i];

		if (r->past->now_s - h->measured_s >= HOUR || h->measured_s > r->past->now_s)
			continue;
		line = (struct history_line){
			.at_s = h->measured_s, .connect_us = h->connect_us,
			.first_us = h->first_us, .failures = h->failures,
		};
		memcpy(line.address, h->address, sizeof line.address);
		memcpy(line.name, h->name, sizeof line.name);
		take_host(r->past, &line);
	}
	hosts_done(&hosts);
}

static int
by_hours(const void *a, const void *b)
{
	const struct past_host *x = a, *y = b;

	return x->known < y->known ? 1 : x->known > y->known ? -1 : strcmp(x->name, y->name);
}

void
past_read(const struct queue *q, int64_t now_s, struct past *ret)
{
	struct reading r = { .past = ret };

	memset(ret, 0, sizeof *ret);
	ret->now_s = now_s;
	if (q->state < 0)
		return;
	(void)history_read(q->state, take_line, &r);
	take_now(&r, q);
	qsort(ret->hosts, ret->nhosts, sizeof ret->hosts[0], by_hours);
}
