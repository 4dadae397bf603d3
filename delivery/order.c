// SPDX-License-Identifier: ISC
/*
 * The order of tries.  Reads the table of hosts, writes nothing but targets; must not dial or
 * ask the DNS.  Called by delivery/link for a delivery and by --explain to show it.
 */
#include "delivery/order.h"

#include <sys/random.h>

#define FAILING_S 300	/* so long a host that failed stands behind the others of its level */

static void
judge(struct order_target *t, const struct hosts *hosts, int64_t now_s, int64_t fresh_s)
{
	char key[64];
	const struct host *host;

	host_key(key, t->address);
	host = hosts_find(hosts, key);
	t->reason = ORDER_UNKNOWN;
	if (!host)
		return;
	t->first_us = host->first_us;
	t->at_least = host->at_least;
	if (host->failures && host->failed_s <= now_s && now_s - host->failed_s < FAILING_S)
		t->reason = ORDER_FAILING;
	else if (host->first_us && host->measured_s <= now_s && now_s - host->measured_s <= fresh_s)
		t->reason = ORDER_MEASURED;
}

static uint32_t
roll(uint32_t below)
{
	uint32_t r = 0;

	(void)!getrandom(&r, sizeof r, GRND_NONBLOCK);	/* without it: the DNS's order */
	return r % below;
}

/* Those that have never been measured are tried in random order, so that each gets measured some
 * day. */
static void
shuffle(struct order_target *t, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = roll((uint32_t)i);
		struct order_target swap = t[i - 1];

		t[i - 1] = t[j];
		t[j] = swap;
	}
}

/* Before the rest: the best measured of a level, then the unknown, then the other measured, then
 * what fails. */
static int
compare(const struct order_target *a, const struct order_target *b)
{
	if (a->level != b->level)
		return a->level < b->level ? -1 : 1;
	if (a->reason != b->reason)
		return a->reason < b->reason ? -1 : 1;
	if (a->reason == ORDER_MEASURED && a->first_us != b->first_us)
		return a->first_us < b->first_us ? -1 : 1;
	return 0;
}

static size_t
level_size(const struct order_target *t, size_t n)
{
	size_t i = 0;

	while (i < n && t[i].level == t[0].level)
		i++;
	return i;
}

static size_t
count(const struct order_target *t, size_t n, enum order_reason reason)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += t[i].reason == reason;
	return found;
}

/* Of one sorted level: the measured that could be the fastest (bounds below the first that is
 * exact, and that one). */
static size_t
contenders(const struct order_target *t, size_t measured)
{
	size_t i = 0;

	while (i < measured && t[i].at_least)
		i++;
	return i < measured ? i + 1 : measured;
}

/* Bring the unknown up behind the contenders. */
static void
interleave(struct order_target *t, size_t n)
{
	size_t measured = count(t, n, ORDER_MEASURED), unknown = count(t, n, ORDER_UNKNOWN);
	size_t first = contenders(t, measured), rest = measured - first;
	struct order_target hold[ORDER_MAX];

	if (!unknown || !rest)
		return;
	memcpy(hold, t + first, rest * sizeof *t);
	memmove(t + first, t + measured, unknown * sizeof *t);
	memcpy(t + first + unknown, hold, rest * sizeof *t);
}

void
order_sort(struct order_target *targets, size_t n)
{
	for (size_t i = 1; i < n; i++) {	/* stable, and n is small */
		struct order_target t = targets[i];
		size_t j = i;

		for (; j && compare(&t, &targets[j - 1]) < 0; j--)
			targets[j] = targets[j - 1];
		targets[j] = t;
	}
	for (size_t i = 0, size; i < n; i += size) {
		size = level_size(targets + i, n - i);
		interleave(targets + i, size);
	}
}

/* The addresses of exchangers [from, to), which are one level: first one of each, then the next of
 * each, so that a host with many addresses does not crowd out the others. */
static size_t
add_level(const struct mx_list *mx, size_t from, size_t to, unsigned level, struct order_target *t, size_t room)
{
	size_t n = 0;

	for (size_t a = 0; a < MX_ADDRESSES_MAX; a++) {
		for (size_t i = from; i < to; i++) {
			const struct mx_exchanger *x = &mx->exchangers[i];

			if (a < x->naddresses && n < room)
				t[n++] = (struct order_target){ .exchanger = x, .address = &x->addresses[a], .level = level };
		}
	}
	return n;
}

size_t
order_targets(const struct mx_list *mx, const struct hosts *hosts, bool latency_only, int64_t now_s,
    int64_t fresh_s, struct order_target targets[ORDER_MAX])
{
	size_t n = 0;
	unsigned level = 0;

	for (size_t from = 0, to; from < mx->n; from = to, level++) {
		size_t added;

		for (to = from + 1; to < mx->n; to++)
			if (!latency_only && mx->exchangers[to].preference != mx->exchangers[from].preference)
				break;
		added = add_level(mx, from, to, level, targets + n, ORDER_MAX - n);
		shuffle(targets + n, added);
		n += added;
	}
	for (size_t i = 0; i < n; i++)
		judge(&targets[i], hosts, now_s, fresh_s);
	order_sort(targets, n);
	return n;
}

size_t
order_race(const struct order_target *targets, size_t n)
{
	size_t level = level_size(targets, n);
	size_t measured = count(targets, level, ORDER_MEASURED), unknown = count(targets, level, ORDER_UNKNOWN);
	size_t race = contenders(targets, measured) + unknown;

	if (!measured && !unknown)
		race = level;	/* all have failed lately: whichever is back first, and one timeout for all */
	return race < DIAL_MAX ? race : DIAL_MAX;
}
