// SPDX-License-Identifier: ISC
/*
 * The order in which exchangers are tried: by level of preference, and inside a level by measured
 * latency.  RFC 5321 section 5.1 forbids crossing levels; mx-order = latency makes all of them one
 * level, for operators who want that.  Exchangers that share the load are tried one after the
 * other, in random order.  Pure, except for random order of equal targets.
 */
#ifndef HOSTS_ORDER_H
#define HOSTS_ORDER_H

#include "hosts/hosts.h"
#include "dns/mx.h"
#include "net/dial.h"

enum order_reason {
	ORDER_MEASURED,		/* sorted by latency */
	ORDER_UNKNOWN,		/* not measured, or too long ago: raced */
	ORDER_FAILING,		/* failed lately: last in its level */
	/* Not dialled now: */
	ORDER_PAUSED,		/* fails again and again */
	ORDER_IPV4,		/* refused our IPv6 address, and there is an IPv4 address */
};

/* Level of a host that accepts messages and gives no final reply: after all others. */
#define ORDER_LAST 1000000

struct order_target {
	const struct mx_exchanger *exchanger;
	const struct sockaddr_storage *address;
	unsigned level;			/* 0 is the best */
	enum order_reason reason;
	int64_t first_us;		/* known latency; 0: unknown */
	bool at_least;
	bool failed;			/* when it was dialled last, however long ago */
	/* ORDER_PAUSED: failing since, paused until; ORDER_IPV4: until. */
	int64_t since_s, until_s;
};

#define ORDER_MAX 64		/* addresses of one attempt */

/* Fill targets and return their number.  Targets that must not be dialled come last.  If a good
 * target of a level is unknown, the targets to be raced come first in that level.  A measurement
 * older than fresh_s at now_s counts as unknown. */
size_t order_targets(const struct mx_list *mx, const struct hosts *hosts, bool latency_only,
    int64_t now_s, int64_t fresh_s, struct order_target targets[ORDER_MAX]);

/* Sort again after a dial measured some targets. */
void order_sort(struct order_target *targets, size_t n);

/* The number of targets that may be dialled. */
size_t order_usable(const struct order_target *targets, size_t n);

/*
 * Choose the targets of an attempt that tries `most` of these n, and return their number.  Most of
 * them are the first ones.  The rest are drawn from all others, from those that have not failed
 * before those that have: so each has its turn, however many dead ones stand before it (RFC 5321
 * section 5.1).  The order stays.
 */
size_t order_choose(struct order_target *targets, size_t n, size_t most);

/*
 * Plan a race among the first level of targets[0..n).  Returns how many take part; ret_start_ms
 * gets their start times.  All unknown ones and the best measured one start at once; if all failed
 * lately, all do.  If nothing is known, IPv4 starts after IPv6 (RFC 8305 section 5).  The rest of
 * the level starts if the best takes much longer than usual.  May change the order of the unknown
 * targets.
 */
size_t order_race(struct order_target *targets, size_t n, int ret_start_ms[DIAL_MAX]);

#endif
