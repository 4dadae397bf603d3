// SPDX-License-Identifier: ISC
/*
 * The order of tries.  Reads the table of hosts, writes nothing but targets; must not dial or
 * ask the DNS.  Called by client/link for a delivery and by --explain to show it.
 */
#include "hosts/order.h"

#include <sys/random.h>

#define FAILING_S 300	/* so long a host that failed stands behind the others of its level */
#define BROKEN_S  86400	/* so long one that broke off behind a final dot, if it is never proven */
#define BROKEN_MANY 2	/* that many times in a row, and it stands behind all */

#define FAMILY_MS  250	/* RFC 8305 section 8: the recommended Connection Attempt Delay */
#define PATIENCE_MS 1000	/* before others of a level join a race, on top of four times what the best took so far */

static bool
within(int64_t then_s, int64_t now_s, int64_t span_s)
{
	return then_s <= now_s && now_s - then_s < span_s;
}

static void
judge_failure(struct order_target *t, const struct host *host, int64_t now_s)
{
	if (host->broken && within(host->failed_s, now_s, BROKEN_S)) {
		t->reason = ORDER_FAILING;
		if (host->broken >= BROKEN_MANY)
			t->level = ORDER_LAST;
	} else if (host->failures && within(host->failed_s, now_s, FAILING_S)) {
		t->reason = ORDER_FAILING;
	}
}

static void
judge(struct order_target *t, const struct hosts *hosts, bool any_ipv4, int64_t now_s, int64_t fresh_s)
{
	char key[HOST_KEY];
	const struct host *host;

	host_key(key, t->address);
	host = hosts_find(hosts, key);
	t->reason = ORDER_UNKNOWN;
	if (!host)
		return;
	t->first_us = host->first_us;
	t->at_least = host->at_least;
	t->since_s = host->since_s;
	t->until_s = hosts_rests_until(hosts, host, now_s);
	if (host->first_us && host->measured_s <= now_s && now_s - host->measured_s <= fresh_s)
		t->reason = ORDER_MEASURED;
	judge_failure(t, host, now_s);
	if (t->until_s)
		t->reason = ORDER_RESTING;
	if (any_ipv4 && t->address->ss_family == AF_INET6 && host->ipv4_until_s > now_s) {
		t->reason = ORDER_IPV4;
		t->until_s = host->ipv4_until_s;
	}
}

static bool
usable(const struct order_target *t)
{
	return t->reason < ORDER_RESTING;
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
	if (usable(a) != usable(b))
		return usable(a) ? -1 : 1;
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

	while (i < n && t[i].level == t[0].level && usable(&t[i]) == usable(&t[0]))
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

/* Both families in turn, IPv6 first, so that any few of them are of both. */
static void
alternate(struct order_target *t, size_t n)
{
	struct order_target six[ORDER_MAX], four[ORDER_MAX];
	size_t n6 = 0, n4 = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		if (t[i].address->ss_family == AF_INET6)
			six[n6++] = t[i];
		else
			four[n4++] = t[i];
	for (size_t i = 0; i < n; i++) {
		if (i < n6)
			t[at++] = six[i];
		if (i < n4)
			t[at++] = four[i];
	}
}

/* Bring the unknown up behind the contenders. */
static void
interleave(struct order_target *t, size_t n)
{
	size_t measured = count(t, n, ORDER_MEASURED), unknown = count(t, n, ORDER_UNKNOWN);
	size_t first = contenders(t, measured), rest = measured - first;
	struct order_target hold[ORDER_MAX];

	alternate(t + measured, unknown);
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
	bool any_ipv4 = false;

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
		any_ipv4 = any_ipv4 || targets[i].address->ss_family == AF_INET;
	for (size_t i = 0; i < n; i++)
		judge(&targets[i], hosts, any_ipv4, now_s, fresh_s);
	order_sort(targets, n);
	return n;
}

size_t
order_usable(const struct order_target *targets, size_t n)
{
	while (n && !usable(&targets[n - 1]))
		n--;
	return n;
}

/* IPv6 first, otherwise as they are; how many of them that is. */
static size_t
ipv6_first(struct order_target *t, size_t n)
{
	size_t six = 0;

	for (size_t i = 0; i < n; i++) {
		struct order_target one = t[i];

		if (one.address->ss_family != AF_INET6)
			continue;
		memmove(&t[six + 1], &t[six], (i - six) * sizeof *t);
		t[six++] = one;
	}
	return six;
}

/* When the rest of a level joins in: not before the best has taken much longer than it is known to take. */
static int
patience_ms(const struct order_target *best)
{
	int64_t known_ms = best ? best->first_us / 1000 : FAMILY_MS;

	return PATIENCE_MS + (int)(known_ms < 10000 ? 4 * known_ms : 40000);
}

size_t
order_race(struct order_target *targets, size_t n, int ret_start_ms[DIAL_MAX])
{
	size_t level = level_size(targets, n), six;
	size_t measured = count(targets, level, ORDER_MEASURED), unknown = count(targets, level, ORDER_UNKNOWN);
	size_t best = contenders(targets, measured), first = best + unknown;
	int patience = patience_ms(best ? &targets[best - 1] : NULL);

	if (!first)
		first = level;	/* all have failed lately: whichever is back first, and one timeout for all */
	if (level > DIAL_MAX)
		level = DIAL_MAX;
	if (first > level)
		first = level;
	if (best > first)
		best = first;
	six = ipv6_first(targets + best, first - best);
	for (size_t i = 0; i < first; i++)
		ret_start_ms[i] = !best && six && unknown && i >= six ? FAMILY_MS : 0;
	for (size_t i = first, next; i < level; i = next, patience += FAMILY_MS) {
		next = i + contenders(targets + i, count(targets + i, level - i, ORDER_MEASURED));
		if (next == i)		/* only those that fail are left */
			next = level;
		for (size_t k = i; k < next; k++)
			ret_start_ms[k] = patience;
	}
	return level;
}
