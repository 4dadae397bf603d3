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

	return refusals_rest(&r, slice_str(from), now_ms, &o);
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
	ok(refusals_rest(&r, SL("a@a"), NOW, &o) && outcome_valid(&o) && !o.remote && !o.everyone &&
	    strcmp(o.status, "4.7.1") == 0, "its outcome");
	is(slice_str(o.detail), SL("not asked, as MAIL of this sender was refused 11 times in a "
	    "row: 450 4.7.1 for anna@a"), "with the last reply");
	ok(!everyone(), "the refusals of one sender are not about others");
	refusals_end(&r);
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
	refusals_end(&r);
	ok(!everyone(), "until MAIL is accepted");
	for (int i = 0; i < 20; i++)
		refuse(i % 2 ? "a@a" : "b@b", "4.1.8", 1);
	ok(!everyone(), "bad addresses are no reason");
	ok(!rests("a@a", NOW) && !rests("b@b", NOW), "nor is one of them refused in a row");
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
	refusals_end(&r);
	ok(refusals_known(&r, SL("")), "and that stays known");
}

int
main(void)
{
	test_sender();
	test_everyone();
	test_first();
	return tap_done();
}
