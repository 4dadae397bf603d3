// SPDX-License-Identifier: ISC
/*
 * smtp-queue check: one line and an exit status, as programs of Nagios and its kin expect them from
 * a plugin.
 */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "runner/frozen.h"
#include "tools/queue/tally.h"
#include "tools/queue/tool.h"

#define CHECK_NONE UINT64_MAX	/* no limit */

enum { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

enum value { MESSAGES, AGE, HELD, DEAD, FROZEN, VALUES };

static const struct {
	const char *name, *unit;
	uint64_t warning, critical;	/* a value that reaches them */
} values[VALUES] = {
	[MESSAGES] = { "messages", "", 1000, 10000 },
	[AGE] = { "age", "s", 14400, 172800 },
	[HELD] = { "held", "", CHECK_NONE, CHECK_NONE },
	[DEAD] = { "dead", "", 1, CHECK_NONE },
	[FROZEN] = { "frozen", "", 1, CHECK_NONE },
};

/* Parse "messages=500" or "age=2h".  False if it is nothing of these. */
static bool
take_limit(struct slice item, uint64_t limits[VALUES])
{
	struct slice text;
	const struct slice name = slice_cut(item, '=', &text);
	char space[32];
	struct buf b = BUF(space);
	int64_t s;

	buf_add(&b, text);
	for (unsigned i = 0; i < VALUES; i++) {
		if (!slice_eq(name, slice_str(values[i].name)))
			continue;
		if (slice_eq(text, SL("none"))) {
			limits[i] = CHECK_NONE;
			return true;
		}
		if (i != AGE)
			return slice_uint(text, CHECK_NONE - 1, &limits[i]);
		if (b.full || b.n == b.cap || !filter_age(buf_cstr(&b), &s))
			return false;
		limits[i] = (uint64_t)s;
		return true;
	}
	return false;
}

static bool
take_limits(const char *text, uint64_t limits[VALUES])
{
	struct slice rest = slice_str(text);

	while (rest.n) {
		const struct slice item = slice_cut(rest, ',', &rest);

		if (!take_limit(item, limits))
			return false;
	}
	return true;
}

bool
tool_limits_valid(const char *text)
{
	uint64_t limits[VALUES];

	return take_limits(text, limits);
}

/* The messages that the relay is to deliver, and their greatest age. */
static void
count_work(const struct tally_counts *c, int64_t now_s, uint64_t got[VALUES])
{
	static const enum queue_place work[] = { QUEUE_IN_NEW, QUEUE_IN_CUR, QUEUE_IN_WAIT };
	int64_t oldest_s = now_s;

	for (unsigned i = 0; i < sizeof work / sizeof work[0]; i++) {
		const int64_t then_s = c->oldest_s[work[i]];

		got[MESSAGES] += tally_sum(c, work[i]);
		if (then_s && then_s < oldest_s)
			oldest_s = then_s;
	}
	got[AGE] = (uint64_t)(now_s - oldest_s);
	got[HELD] = tally_sum(c, QUEUE_IN_HOLD);
	got[DEAD] = tally_sum(c, QUEUE_IN_DEAD);
}

static void
count_frozen(const struct tool *t, uint64_t got[VALUES])
{
	const int64_t now_s = t->now_us / 1000000;
	struct frozen_list frozen;

	if (t->queue.state < 0)
		return;
	frozen_load(&frozen, t->queue.state, now_s);
	for (size_t i = 0; i < frozen.n; i++)
		got[FROZEN] += frozen.list[i].until_s > now_s;
	frozen_done(&frozen);
}

static void
put_limit(uint64_t limit)
{
	if (limit == CHECK_NONE)
		(void)putchar(';');
	else
		text_print(stdout, ";%" PRIu64, limit);
}

/* "OK - 3 messages, the oldest 5min; 0 held, ... | messages=3;1000;10000;0 ..." */
static void
put_line(int status, const uint64_t got[VALUES], const uint64_t warning[VALUES],
    const uint64_t critical[VALUES])
{
	static const char *const words[] = { "OK", "WARNING", "CRITICAL" };
	char space[32];
	struct buf age = BUF(space);

	text_duration(&age, (int64_t)got[AGE]);
	text_print(stdout, "SMTP QUEUE %s - %" PRIu64 " to deliver, the oldest %s old; %" PRIu64
	    " held, %" PRIu64 " dead, %" PRIu64 " frozen routes |", words[status], got[MESSAGES],
	    buf_cstr(&age), got[HELD], got[DEAD], got[FROZEN]);
	for (unsigned i = 0; i < VALUES; i++) {
		text_print(stdout, " %s=%" PRIu64 "%s", values[i].name, got[i], values[i].unit);
		put_limit(warning[i]);
		put_limit(critical[i]);
		(void)fputs(";0", stdout);
	}
	(void)putchar('\n');
}

int
tool_check(struct tool *t)
{
	uint64_t got[VALUES] = { 0 }, warning[VALUES], critical[VALUES];
	struct tally_counts counts;
	int status = CHECK_OK, r = tally_count(&t->queue, 0, &counts);

	if (r < 0)
		return tool_check_unknown(strerror(-r));
	for (unsigned i = 0; i < VALUES; i++) {
		warning[i] = values[i].warning;
		critical[i] = values[i].critical;
	}
	(void)take_limits(t->warning ? t->warning : "", warning);
	(void)take_limits(t->critical ? t->critical : "", critical);
	count_work(&counts, t->now_us / 1000000, got);
	count_frozen(t, got);
	for (unsigned i = 0; i < VALUES; i++) {
		if (got[i] >= critical[i])
			status = CHECK_CRITICAL;
		else if (got[i] >= warning[i] && status == CHECK_OK)
			status = CHECK_WARNING;
	}
	put_line(status, got, warning, critical);
	return status;
}

int
tool_check_unknown(const char *why)
{
	text_print(stdout, "SMTP QUEUE UNKNOWN - %s\n", why);
	return CHECK_UNKNOWN;
}
