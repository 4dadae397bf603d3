// SPDX-License-Identifier: ISC
/*
 * The order of tries.  It reads the table of hosts and writes only targets.  It must not dial or
 * ask the DNS.
 */
#include "hosts/order.h"

#include <assert.h>
#include <sys/random.h>

#define FAILING_S 300	/* time for which a failed host comes after the others of its level */
/* Time for which a host that broke off after a final dot comes later, unless it is proven. */
#define BROKEN_S  86400
#define BROKEN_MANY 2	/* broken transactions in a row: the host then comes after all others */

static_assert(MX_EXCHANGERS_MAX <= ORDER_MAX, "each exchanger has room for an address");

/* Levels of one preference, if its exchangers share the load: working ones, then failing ones. */
#define SPREAD_LEVELS (2 * MX_EXCHANGERS_MAX)

#define FAMILY_MS  250	/* the recommended Connection Attempt Delay (RFC 8305 section 8) */
/* Before others of a level join a race, besides four times the best's known time. */
#define PATIENCE_MS 1000

static bool
is_within(int64_t then_s, int64_t now_s, int64_t span_s)
{
	return then_s <= now_s && now_s - then_s < span_s;
}

static void
judge_failure(struct order_target *t, const struct host *host, int64_t now_s)
{
	if (host->broken && is_within(host->failed_s, now_s, BROKEN_S)) {
		t->reason = ORDER_FAILING;
		if (host->broken >= BROKEN_MANY)
			t->level = ORDER_LAST;
	} else if (host->failures && is_within(host->failed_s, now_s, FAILING_S)) {
		t->reason = ORDER_FAILING;
	}
}

static void
judge_target(struct order_target *t, const struct hosts *hosts, bool any_ipv4, int64_t now_s,
    int64_t fresh_s)
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
	t->failed = host->failures > 0;
	t->since_s = host->since_s;
	t->until_s = hosts_paused_until(hosts, host, now_s);
	if (host->first_us && host->measured_s <= now_s && now_s - host->measured_s <= fresh_s)
		t->reason = ORDER_MEASURED;
	judge_failure(t, host, now_s);
	if (t->until_s)
		t->reason = ORDER_PAUSED;
	if (any_ipv4 && t->address->ss_family == AF_INET6 && hosts_ipv4_until(host, now_s)) {
		t->reason = ORDER_IPV4;
		t->until_s = hosts_ipv4_until(host, now_s);
	}
}

static bool
is_usable(const struct order_target *t)
{
	return t->reason < ORDER_PAUSED;
}

static uint32_t
roll_below(uint32_t below)
{
	uint32_t r = 0;

	(void)!getrandom(&r, sizeof r, GRND_NONBLOCK);	/* an error only costs randomness */
	return r % below;
}

/* Put targets that were never measured into random order, so that each is measured some day. */
static void
shuffle_targets(struct order_target *t, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = roll_below((uint32_t)i);
		struct order_target swap = t[i - 1];

		t[i - 1] = t[j];
		t[j] = swap;
	}
}

/* Order targets within a level: measured ones by latency, then unknown ones, then failing ones.
 * Targets that must not be dialled come after all. */
static int
compare_targets(const struct order_target *a, const struct order_target *b)
{
	if (is_usable(a) != is_usable(b))
		return is_usable(a) ? -1 : 1;
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

	while (i < n && t[i].level == t[0].level && is_usable(&t[i]) == is_usable(&t[0]))
		i++;
	return i;
}

static size_t
count_reason(const struct order_target *t, size_t n, enum order_reason reason)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += t[i].reason == reason;
	return found;
}

/* Count the candidates for fastest in one sorted level: the first exact latency, and every lower
 * bound before it. */
static size_t
count_contenders(const struct order_target *t, size_t measured)
{
	size_t i = 0;

	while (i < measured && t[i].at_least)
		i++;
	return i < measured ? i + 1 : measured;
}

/* Put both families in turn, IPv6 first, so that any few targets contain both. */
static void
alternate_families(struct order_target *t, size_t n)
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

/* Move the unknown targets to directly after the contenders. */
static void
interleave_unknown(struct order_target *t, size_t n)
{
	size_t measured = count_reason(t, n, ORDER_MEASURED);
	size_t unknown = count_reason(t, n, ORDER_UNKNOWN);
	size_t first = count_contenders(t, measured), rest = measured - first;
	struct order_target hold[ORDER_MAX];

	alternate_families(t + measured, unknown);
	if (!unknown || !rest)
		return;
	memcpy(hold, t + first, rest * sizeof *t);
	memmove(t + first, t + measured, unknown * sizeof *t);
	memcpy(t + first + unknown, hold, rest * sizeof *t);
}

void
order_sort(struct order_target *targets, size_t n)
{
	for (size_t i = 1; i < n; i++) {	/* insertion sort: stable, and n is small */
		struct order_target t = targets[i];
		size_t j = i;

		for (; j && compare_targets(&t, &targets[j - 1]) < 0; j--)
			targets[j] = targets[j - 1];
		targets[j] = t;
	}
	for (size_t i = 0, size; i < n; i += size) {
		size = level_size(targets + i, n - i);
		interleave_unknown(targets + i, size);
	}
}

/* Add the addresses of exchangers [from, to), one level: the first of each, then the second of
 * each, and so on.  So a host with many addresses leaves room for others. */
static size_t
add_level(const struct mx_list *mx, size_t from, size_t to, unsigned level, struct order_target *t,
    size_t room)
{
	size_t n = 0;

	for (size_t a = 0; a < MX_ADDRESSES_MAX; a++) {
		for (size_t i = from; i < to; i++) {
			const struct mx_exchanger *x = &mx->exchangers[i];

			if (a < x->naddresses && n < room)
				t[n++] = (struct order_target){
					.exchanger = x, .address = &x->addresses[a], .level = level,
				};
		}
	}
	return n;
}

/* Put the exchangers [from, to) into a random order: the heavier, the more often first (RFC 2782).
 * One of weight 0 comes first only if all others of its turn have none. */
static void
draw_by_weight(const struct mx_list *mx, size_t from, size_t to, size_t order[MX_EXCHANGERS_MAX])
{
	const size_t n = to - from;

	for (size_t i = 0; i < n; i++)
		order[i] = from + i;
	for (size_t i = 0; i + 1 < n; i++) {
		uint32_t sum = 0, roll;
		size_t k = i, drawn;

		for (size_t j = i; j < n; j++)
			sum += mx->exchangers[order[j]].weight;
		if (sum == 0) {
			k = i + roll_below((uint32_t)(n - i));
		} else {
			roll = roll_below(sum);
			while (k + 1 < n && roll >= mx->exchangers[order[k]].weight)
				roll -= mx->exchangers[order[k++]].weight;
		}
		drawn = order[k];
		order[k] = order[i];
		order[i] = drawn;
	}
}

/* Behind the levels of those that share the load with them. */
static void
put_failing_last(struct order_target *targets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (targets[i].reason == ORDER_FAILING && targets[i].level < ORDER_LAST)
			targets[i].level += MX_EXCHANGERS_MAX;
}

/* Add exchangers [from, to) that share the load: each is a level of its own. */
static size_t
add_spread(const struct mx_list *mx, size_t from, size_t to, unsigned level,
    struct order_target *t, size_t room)
{
	size_t order[MX_EXCHANGERS_MAX], n = 0;

	draw_by_weight(mx, from, to, order);
	for (size_t i = 0; i < to - from; i++) {
		const size_t added = add_level(mx, order[i], order[i] + 1, level + (unsigned)i,
		    t + n, room - n - (to - from - i - 1));

		shuffle_targets(t + n, added);
		n += added;
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

	for (size_t from = 0, to; from < mx->n; from = to) {
		size_t added, room;

		for (to = from + 1; to < mx->n; to++)
			if (!latency_only &&
			    mx->exchangers[to].preference != mx->exchangers[from].preference)
				break;
		/* Each exchanger of a worse level has room for an address. */
		room = ORDER_MAX - n - (mx->n - to);
		if (mx->spread) {
			n += add_spread(mx, from, to, level, targets + n, room);
			level += SPREAD_LEVELS;
			continue;
		}
		added = add_level(mx, from, to, level++, targets + n, room);
		shuffle_targets(targets + n, added);
		n += added;
	}
	for (size_t i = 0; i < n; i++)
		any_ipv4 = any_ipv4 || targets[i].address->ss_family == AF_INET;
	for (size_t i = 0; i < n; i++)
		judge_target(&targets[i], hosts, any_ipv4, now_s, fresh_s);
	if (mx->spread)
		put_failing_last(targets, n);
	order_sort(targets, n);
	return n;
}

size_t
order_usable(const struct order_target *targets, size_t n)
{
	while (n && !is_usable(&targets[n - 1]))
		n--;
	return n;
}

/* Is the next one of `left` targets drawn, of which there is room for some? */
static bool
draw_next(size_t *left, size_t *room)
{
	const bool drawn = roll_below((uint32_t)*left) < *room;

	--*left;
	*room -= drawn;
	return drawn;
}

size_t
order_choose(struct order_target *targets, size_t n, size_t most)
{
	size_t chosen = most - most / 4, left[2] = { 0 }, room[2];

	if (n <= most)
		return n;
	for (size_t i = chosen; i < n; i++)
		left[targets[i].failed]++;
	room[0] = left[0] < most - chosen ? left[0] : most - chosen;
	room[1] = most - chosen - room[0];
	for (size_t i = chosen; i < n; i++)
		if (draw_next(&left[targets[i].failed], &room[targets[i].failed]))
			targets[chosen++] = targets[i];
	return chosen;
}

/* Move the IPv6 targets to the front, without other changes.  Returns their number. */
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

/* The delay before the rest of a level joins a race: only if the best takes much longer than
 * usual. */
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
	size_t measured = count_reason(targets, level, ORDER_MEASURED);
	size_t unknown = count_reason(targets, level, ORDER_UNKNOWN);
	size_t best = count_contenders(targets, measured), first = best + unknown;
	int patience = patience_ms(best ? &targets[best - 1] : NULL);

	if (!first)
		/* All failed lately: race them all, so that one timeout is enough. */
		first = level;
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
		measured = count_reason(targets + i, level - i, ORDER_MEASURED);
		next = i + count_contenders(targets + i, measured);
		if (next == i)		/* only failing ones are left */
			next = level;
		for (size_t k = i; k < next; k++)
			ret_start_ms[k] = patience;
	}
	return level;
}
