// SPDX-License-Identifier: ISC
/*
 * client/refusals: when a sender, or all mail, rests.
 */
#include "client/refusals.h"

#include "tests/lib/tap.h"

#define NOW 1000000

static struct refusals r;

static void
refuse(const char *from, const char *status, int times)
{
	struct outcome o;

	outcome_set(&o, CAUSE_REPLY_TEMPORARY, SL("mx.example"), SL("450 4.7.1 for anna@a"));
	(void)snprintf(o.status, sizeof o.status, "%s", status);
	while (times-- > 0)
		refusals_add(&r, slice_str(from), false, &o, NOW);
}

static bool
rests(const char *from, int64_t now_ms)
{
	struct outcome o;

	return refusals_rest(&r, slice_str(from), false, now_ms, &o);
}

static bool
everyone(void)
{
	struct outcome o;

	return refusals_everyone(&r, &o);
}

static void
test_sender(void)
{
	struct outcome o;

	r = (struct refusals){ 0 };
	ok(!rests("", NOW) && !rests("a@a", NOW), "nobody rests without a refusal");
	refuse("a@a", "4.7.1", REFUSALS_MAX - 1);
	ok(!rests("a@a", NOW), "one refusal below the limit");
	refuse("a@a", "4.7.1", 1);
	ok(rests("a@a", NOW), "at the limit");
	ok(!rests("b@a", NOW) && !rests("", NOW), "no other sender");
	ok(rests("a@a", NOW + REFUSALS_REST_MS - 1), "to the end of its rest");
	ok(!rests("a@a", NOW + REFUSALS_REST_MS), "and no longer");
	refuse("a@a", "4.7.1", 1);
	ok(rests("a@a", NOW), "refused after it: a rest again");
	ok(refusals_rest(&r, SL("a@a"), false, NOW, &o) && outcome_valid(&o) && !o.remote &&
	    !o.everyone && strcmp(o.status, "4.7.1") == 0, "its outcome");
	is(slice_str(o.detail), SL("not asked, as MAIL of this sender was refused 11 times in a "
	    "row: 450 4.7.1 for anna@a"), "with the last reply");
	ok(refusals_rest(&r, SL("a@a"), true, NOW, &o) && outcome_valid(&o) &&
	    strcmp(o.status, "4.7.1") == 0, "the same of a list");
	is(slice_str(o.detail), SL("not asked, as MAIL of this sender was refused 11 times in a "
	    "row, 450 at last"), "no member of it is named");
	ok(!everyone(), "the refusals of one sender are not about others");
	refusals_end(&r, SL("a@a"));
	ok(!rests("a@a", NOW), "until MAIL is accepted");
}

static void
test_everyone(void)
{
	struct outcome o;

	r = (struct refusals){ 0 };
	refuse("a@a", "4.7.1", 1);
	refuse("b@a", "4.7.1", 1);
	refuse("c@a", "4.7.1", REFUSALS_MAX - 2);
	ok(!everyone(), "ten refusals, of three senders");
	refuse("d@a", "4.7.1", 1);
	ok(everyone(), "and of a fourth");
	ok(refusals_everyone(&r, &o) && o.everyone && !o.remote && outcome_valid(&o),
	    "the outcome of all mail");
	is(slice_str(o.detail), SL("the host refuses MAIL of all senders for now: 11 times in a "
	    "row, 450 at last"), "no sender is named");
	refusals_end(&r, SL("a@a"));
	ok(!everyone(), "until MAIL is accepted");
	for (int i = 0; i < 20; i++)
		refuse(i % 2 ? "a@a" : "b@b", "4.7.1", 1);
	ok(!everyone(), "two senders that take turns are two");
	ok(rests("a@a", NOW) && rests("b@b", NOW), "and each of them rests");
	for (int i = 0; i < 20; i++)
		refuse(i % 2 ? "c@a" : "d@b", "4.1.8", 1);
	ok(!everyone(), "and two bad addresses behind them are none");
	refusals_end(&r, SL("a@a"));
	for (int i = 0; i < 20; i++)
		refuse(i % 2 ? "a@a" : "b@b", "4.1.8", 1);
	ok(!everyone(), "bad addresses are no reason");
	ok(rests("a@a", NOW) && rests("b@b", NOW), "but each of the two rests");
}

static void
test_first(void)
{
	struct outcome o;

	r = (struct refusals){ 0 };
	outcome_set(&o, CAUSE_REPLY_TEMPORARY, SL(""), SL("450 no"));
	refusals_add(&r, SL(""), false, &o, NOW);
	ok(!refusals_known(&r, SL("")), "refused later in a session");
	refusals_add(&r, SL(""), true, &o, NOW);
	ok(refusals_known(&r, SL("")) && !refusals_known(&r, SL("a@a")), "refused as the first");
	refusals_add(&r, SL("a@a"), true, &o, NOW);
	ok(refusals_known(&r, SL("")) && refusals_known(&r, SL("a@a")), "two senders");
	for (int i = 0; i < 2 * REFUSALS_FORGET; i++)
		refusals_end(&r, SL("b@a"));
	ok(refusals_known(&r, SL("")), "that stays known when others are accepted");
	for (int i = 0; i < REFUSALS_FORGET - 1; i++)
		refusals_end(&r, SL("a@a"));
	ok(refusals_known(&r, SL("a@a")), "and if a few of its own are");
	refusals_end(&r, SL("a@a"));
	ok(!refusals_known(&r, SL("a@a")) && refusals_known(&r, SL("")), "but not ten");
}

/* The oldest one gives way. */
static void
test_many_first(void)
{
	struct outcome o;
	char from[32];

	r = (struct refusals){ 0 };
	outcome_set(&o, CAUSE_REPLY_TEMPORARY, SL(""), SL("450 no"));
	for (int i = 0; i < 2 * REFUSALS_KNOWN; i++) {	/* each twice */
		(void)snprintf(from, sizeof from, "%d@a", i / 2);
		refusals_add(&r, slice_str(from), true, &o, NOW);
	}
	ok(refusals_known(&r, SL("0@a")), "as many as are kept");
	refusals_add(&r, SL("new@a"), true, &o, NOW);
	ok(!refusals_known(&r, SL("0@a")) && refusals_known(&r, SL("1@a")) &&
	    refusals_known(&r, SL("new@a")), "one more");
}

int
main(void)
{
	test_sender();
	test_everyone();
	test_first();
	test_many_first();
	return tap_done();
}
