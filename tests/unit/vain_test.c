// SPDX-License-Identifier: ISC
/*
 * runner/vain: attempts in vain let a sender rest, a recipient, both together, or all mail.
 */
#include "runner/vain.h"

#include "tests/lib/tap.h"

#define NOW 1000000

enum event { MAIL, ADDRESS, ENDED, LOST, SERVED, LOCAL, RESTED };

static struct vain *v;

static struct vain_who
who(unsigned sender, unsigned rcpts)
{
	return (struct vain_who){ sender, rcpts, false };
}

static void
learn(enum event event, unsigned sender, unsigned rcpts, int times)
{
	static const enum outcome_bar bars[] = {
		[MAIL] = BAR_MAIL, [ADDRESS] = BAR_MAIL, [ENDED] = BAR_SESSION,
		[RESTED] = BAR_RESTED,
	};
	const struct vain_who these = who(sender, rcpts);
	char text[60];
	struct buf b = BUF(text);
	struct outcome o;

	buf_fmt(&b, "421 4.7.0 no, s%u", sender);
	outcome_set(&o, event == LOST ? CAUSE_LOST : event == SERVED ? CAUSE_DELIVERED :
	    event == LOCAL ? CAUSE_LOCAL : CAUSE_REPLY_TEMPORARY, SL("mx.example"),
	    event == LOST ? SL("lost connection in DATA") : buf_slice(&b));
	o.remote = event != LOST && event != LOCAL && event != RESTED;
	if ((size_t)event < sizeof bars / sizeof bars[0])
		o.bar = bars[event];
	if (event == ADDRESS)
		memcpy(o.status, "4.1.8", 6);
	while (times-- > 0)
		vain_learn(&v, &these, &o, NOW);
}

static bool
rests(unsigned sender, unsigned rcpts)
{
	const struct vain_who these = who(sender, rcpts);
	struct outcome o;

	return vain_rests(v, &these, NOW, &o);
}

static bool
all(void)
{
	struct outcome o;

	return vain_all(v, &o);
}

static void
test_pair(void)
{
	const struct vain_who these = who(1, 1);
	struct outcome o;

	vain_drop(&v);
	ok(!rests(1, 1) && !all(), "nothing rests without an attempt");
	learn(ENDED, 1, 1, VAIN_MAX - 1);
	ok(!rests(1, 1), "one end below the limit");
	learn(ENDED, 1, 1, 1);
	ok(rests(1, 1), "at the limit, mail of this sender to this recipient rests");
	ok(!rests(1, 2) && !rests(2, 1) && !all(), "other mail of either does not");
	ok(vain_rests(v, &these, NOW + VAIN_REST_MS - 1, &o) &&
	    !vain_rests(v, &these, NOW + VAIN_REST_MS, &o), "for a minute");
	ok(vain_rests(v, &these, NOW, &o) && outcome_valid(&o) && !o.remote && !o.everyone &&
	    o.bar == BAR_RESTED && o.kind == OUTCOME_DEFERRED, "its outcome");
	is(slice_str(o.detail), SL("not asked, as the host ended 10 sessions in a row at mail of "
	    "this sender to this recipient: 421 4.7.0 no, s1"), "with the last reply");
	learn(RESTED, 1, 1, 3);
	learn(LOCAL, 1, 1, 3);
	ok(rests(1, 1), "what was not asked says nothing");
	learn(SERVED, 1, 1, 1);
	ok(!rests(1, 1), "until it is served");
	ok(!v, "and then nothing is kept");
}

static void
test_sender(void)
{
	const struct vain_who list = { 1, 3, true };
	const struct vain_who these = who(1, 3);
	struct outcome o;

	vain_drop(&v);
	learn(ENDED, 1, 1, 5);
	learn(ENDED, 1, 2, 5);
	ok(rests(1, 3) && !rests(2, 1) && !rests(2, 2) && !all(), "one sender, two recipients");
	ok(vain_rests(v, &these, NOW, &o), "of a third");
	is(slice_str(o.detail), SL("not asked, as the host ended 10 sessions in a row at mail of "
	    "this sender: 421 4.7.0 no, s1"), "the reply is about its own mail");
	ok(vain_rests(v, &list, NOW, &o), "of a list");
	is(slice_str(o.detail), SL("not asked, as the host ended 10 sessions in a row at mail of "
	    "this sender, 421 at last"), "the reply may be about a member");
	learn(SERVED, 2, 3, 1);
	ok(rests(1, 3), "mail of others changes nothing");
	learn(SERVED, 1, 4, 1);
	ok(!rests(1, 3), "its own does");
}

static void
test_rcpts(void)
{
	const struct vain_who these = who(3, 1);
	struct outcome o;

	vain_drop(&v);
	learn(ENDED, 1, 1, 5);
	learn(ENDED, 2, 1, 5);
	ok(rests(3, 1) && !rests(1, 2) && !all(), "one recipient, two senders");
	ok(vain_rests(v, &these, NOW, &o), "for a third");
	is(slice_str(o.detail), SL("not asked, as the host ended 10 sessions in a row at mail to "
	    "this recipient, 421 at last"), "the reply may name another sender");
}

static void
test_all(void)
{
	struct outcome o;

	vain_drop(&v);
	learn(ENDED, 1, 1, 9);
	ok(!all(), "one end below the limit");
	learn(ENDED, 2, 2, 1);
	ok(all(), "two senders with two recipients: it is all mail");
	ok(vain_all(v, &o) && outcome_valid(&o) && !o.remote, "its outcome");
	is(slice_str(o.detail), SL("the host ended 10 sessions in a row at mail of all senders, "
	    "421 at last"), "names nobody");
	learn(SERVED, 3, 3, 1);
	ok(!all(), "until any is served");
	learn(LOST, 1, 1, 2);
	learn(LOST, 2, 2, 1);
	ok(vain_all(v, &o), "three connections that broke off");
	is(slice_str(o.detail), SL("lost connection in DATA"), "with a text that is our own");
}

static void
test_lost(void)
{
	const struct vain_who these = who(1, 1);
	struct outcome o;

	vain_drop(&v);
	learn(LOST, 1, 1, VAIN_LOST_MAX - 1);
	ok(!rests(1, 1), "one connection below the limit");
	learn(LOST, 1, 1, 1);
	ok(rests(1, 1) && !rests(2, 1) && !rests(1, 2) && !all(), "at the limit");
	ok(vain_rests(v, &these, NOW, &o), "its outcome");
	is(slice_str(o.detail), SL("not asked, as 3 connections in a row broke off at mail of this "
	    "sender to this recipient: lost connection in DATA"), "has the fault");
}

static void
test_mail(void)
{
	struct vain_who these = who(1, 2);
	struct outcome o;

	vain_drop(&v);
	learn(MAIL, 1, 1, VAIN_MAX);
	ok(rests(1, 1) && rests(1, 2) && !rests(2, 1) && !all(), "MAIL of one sender");
	ok(vain_rests(v, &these, NOW, &o), "its outcome");
	is(slice_str(o.detail), SL("not asked, as MAIL of this sender was refused 10 times in a "
	    "row: 421 4.7.0 no, s1"), "has the reply");
	learn(MAIL, 2, 1, 1);
	learn(MAIL, 3, 1, 1);
	ok(!all(), "three senders");
	learn(MAIL, 4, 1, 1);
	ok(all(), "four are all");
	ok(vain_rests(v, &these, NOW, &o), "the first one, after others");
	is(slice_str(o.detail), SL("not asked, as MAIL of this sender was refused 10 times in a "
	    "row, 421 at last"), "does not get the reply to another");
	vain_drop(&v);
	for (unsigned i = 1; i < 20; i++)
		learn(ADDRESS, i, 1, 1);
	ok(!all(), "bad addresses are no reason");
	learn(LOST, 1, 1, 3);
	learn(ADDRESS, 1, 1, 1);
	these = who(1, 1);
	ok(vain_rests(v, &these, NOW, &o), "two kinds");
}

/* The rows are few: the oldest one is forgotten. */
static void
test_many(void)
{
	vain_drop(&v);
	learn(ENDED, 1, 1, VAIN_MAX);
	for (unsigned i = 2; i < 100; i++) {
		learn(ENDED, i, i, 1);
		learn(SERVED, i + 1000, i + 1000, 1);
	}
	ok(!rests(1, 1) && !all(), "a hundred others");
	learn(ENDED, 0, 0, VAIN_MAX);
	ok(rests(0, 0), "hashes that are 0");
}

int
main(void)
{
	test_pair();
	test_sender();
	test_rcpts();
	test_all();
	test_lost();
	test_mail();
	test_many();
	vain_drop(&v);
	return tap_done();
}
