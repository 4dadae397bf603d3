// SPDX-License-Identifier: ISC
/*
 * runner/window: which results of a job are discarded if its recipients are to be tried again.
 */
#include "runner/window.h"

#include "tests/lib/tap.h"

static struct outcome
outcome(enum outcome_cause cause, bool everyone)
{
	struct outcome o;

	outcome_set(&o, cause, SL("mx.example"), SL("text"));
	o.everyone = everyone;
	return o;
}

static void
test_take_back(void)
{
	const struct outcome delivered = outcome(CAUSE_DELIVERED, false);
	const struct outcome lost = outcome(CAUSE_LOST, false);
	const struct outcome failed = outcome(CAUSE_REPLY_PERMANENT, false);
	const struct outcome unreached = outcome(CAUSE_CONNECT, true);
	const struct outcome nowhere = outcome(CAUSE_DNS_NXDOMAIN, true);
	uint32_t rcpts[] = { 0, 1, 2, 3, 4, 5 };
	static struct window w;
	struct message *m = window_add(&w, "0000000000000000", 6);
	size_t n;

	window_result(m, 0, &delivered, false);
	window_result(m, 1, &lost, false);
	window_result(m, 2, &unreached, false);
	window_result(m, 3, &failed, false);
	window_result(m, 5, &nowhere, false);
	n = window_take_back(m, rcpts, 6);
	ok(n == 2 && rcpts[0] == 2 && rcpts[1] == 4,
	    "tried again: those that no host was asked for, and those without a result");
	ok(!m->results[2] && !m->results[4], "they have no result");
	ok(m->results[1] && m->results[1]->outcome.cause == CAUSE_LOST,
	    "one that a host may have taken keeps its result");
	ok(m->results[0] && m->results[3] && m->results[5], "and so do those that are settled");
	window_forget(&w, m);
}

int
main(void)
{
	test_take_back();
	return tap_done();
}
