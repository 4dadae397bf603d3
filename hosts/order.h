// SPDX-License-Identifier: ISC
/*
 * In which order exchangers are tried: by preference level, inside a level by measured latency (RFC
 * 5321 section 5.1 forbids crossing levels; mx-order = latency makes all of them one level for
 * those who want that).  Pure but for random ties.
 */
#ifndef HOSTS_ORDER_H
#define HOSTS_ORDER_H

#include "hosts/hosts.h"
#include "dns/mx.h"
#include "net/dial.h"

enum order_reason {
	ORDER_MEASURED,		/* by its latency */
	ORDER_UNKNOWN,		/* not measured, or too long ago: raced */
	ORDER_FAILING,		/* failed lately: last of its level */
	/* Not dialled now: */
	ORDER_RESTING,		/* fails again and again */
	ORDER_IPV4,		/* has refused us for our IPv6 address, and there is IPv4 */
};

#define ORDER_LAST 1000000	/* level of a host that takes messages and never says whether it has them: behind all others */

struct order_target {
	const struct mx_exchanger *exchanger;
	const struct sockaddr_storage *address;
	unsigned level;			/* 0 is the best */
	enum order_reason reason;
	int64_t first_us;		/* what is known, 0: nothing */
	bool at_least;
	int64_t since_s, until_s;	/* ORDER_RESTING: failing since, left alone until; ORDER_IPV4: until */
};

#define ORDER_MAX 64		/* addresses of one attempt */

/* Fill targets; returns how many.  Those not to be dialled are behind all others.  Inside a level: those to be raced together come first when any good one is unknown.
 * now_s, fresh_s: measurements older than that are unknown again. */
size_t order_targets(const struct mx_list *mx, const struct hosts *hosts, bool latency_only, int64_t now_s,
    int64_t fresh_s, struct order_target targets[ORDER_MAX]);

/* Again, after a dial told more about some of them. */
void order_sort(struct order_target *targets, size_t n);

/* How many of them may be dialled. */
size_t order_usable(const struct order_target *targets, size_t n);

/*
 * How many of targets[0..n), all of its first level, are to be dialled in one race, and how long after its begin each: at
 * once all that are unknown and the best that is measured, or where all have failed lately, all; where nothing is known, IPv4 behind IPv6
 * (RFC 8305 section 5); and the rest of the level where the best takes longer than it ever did.  May change the order of the unknown.
 */
size_t order_race(struct order_target *targets, size_t n, int ret_start_ms[DIAL_MAX]);

#endif
