// SPDX-License-Identifier: ISC
/*
 * runner/vain: attempts in vain let a sender rest, a recipient, both together, or all mail.
 */
#include "runner/vain.h"

#include "tests/lib/tap.h"

#define NOW 1000000

enum event { MAIL, ADDRESS, ENDED, LOST, SERVED, LOCAL, DEFERRED, RESTED };

static struct vain *v;

static struct vain_who
who(unsigned sender, unsigned rcpts)
{
	return (struct vain_who){ .sender = sender, .rcpts = rcpts };
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
	struct vain_who part = these;
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
	learn(DEFERRED, 1, 1, 3);
	ok(rests(1, 1), "what was not asked says nothing");
	learn(SERVED, 1, 1, 1);
	ok(!rests(1, 1), "until it is served");
	ok(!v, "and then nothing is kept");
	learn(ENDED, 1, 1, VAIN_MAX);
	o.bar = BAR_SESSION;
	part.served = true;
	vain_learn(&v, &part, &o, NOW);
	ok(!rests(1, 1) && !v, "or some of its recipients, before the session was ended");
}

static void
test_sender(void)
{
	const struct vain_who list = { .sender = 1, .rcpts = 3, .verp = true };
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
	learn(ENDED, 3, 3, 1);
	learn(ENDED, 3, 4, 1);
	ok(!all(), "three senders with four recipients: it may be each of them");
	learn(ENDED, 4, 4, 1);
	ok(all(), "four senders with four recipients: it is all mail");
	ok(vain_all(v, &o) && outcome_valid(&o) && !o.remote, "its outcome");
	is(slice_str(o.detail), SL("the host ended 13 sessions in a row at mail of all senders, "
	    "421 at last"), "names nobody");
	learn(SERVED, 3, 3, 1);
	ok(!all(), "until any is served");
	learn(LOST, 1, 1, 2);
	learn(LOST, 2, 2, 1);
	ok(vain_all(v, &o), "three connections that broke off");
	is(slice_str(o.detail), SL("3 connections in a row broke off at mail of all senders: "
	    "lost connection in DATA"), "with a text that is our own");
	vain_drop(&v);
	for (unsigned i = 1; i < 30; i++)
		learn(ENDED, i, 1, 1);
	ok(!all() && rests(30, 1) && !rests(1, 2), "many senders, but one recipient");
}

/* Texts of one attempt that are not true of another one, or not meant for its sender. */
static void
test_texts(void)
{
	const struct vain_who first = who(1, 1), second = who(2, 1);
	struct outcome o;

	vain_drop(&v);
	outcome_set(&o, CAUSE_LOST, SL("mx.example"),
	    SL("lost connection while waiting for the reply to the message (it may arrive twice)"));
	for (int i = 0; i < 3; i++)
		vain_learn(&v, &first, &o, NOW);
	ok(vain_rests(v, &first, NOW, &o), "it was cut off behind the content");
	is(slice_str(o.detail), SL("not asked, as 3 connections in a row broke off at mail of this "
	    "sender to this recipient: lost connection while waiting for the reply to the message"),
	    "the next message was not sent at all");
	vain_drop(&v);
	outcome_set(&o, CAUSE_PROTOCOL, SL("mx.example"),
	    SL("unexpected reply to DATA: 250 thank you, s1"));
	vain_learn(&v, &first, &o, NOW);
	vain_learn(&v, &first, &o, NOW);
	vain_learn(&v, &second, &o, NOW);
	ok(vain_rests(v, &first, NOW, &o), "replies that make no sense");
	is(slice_str(o.detail), SL("not asked, as 3 connections in a row broke off at mail to this "
	    "recipient, at last with a reply that is none"), "may name another sender");
	vain_drop(&v);
	learn(LOST, 1, 1, 1);
	learn(ENDED, 1, 1, 8);
	ok(vain_rests(v, &first, NOW, &o), "two kinds of ends");
	is(slice_str(o.detail), SL("not asked, as 9 attempts in a row were in vain at mail of this "
	    "sender to this recipient: 421 4.7.0 no, s1"), "are no sessions that were ended");
}

/* The same numbers in each run (a linear congruential generator). */
static unsigned
draw(unsigned below)
{
	static uint64_t state = 1;

	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(state >> 33) % below;
}

#define MOST 40		/* senders, and recipients */

/* A host that ends all sessions, whatever mail comes in which order: few are asked for. */
static unsigned
ask_in_vain(unsigned senders, unsigned rcpts, unsigned batch)
{
	unsigned asked = 0;

	vain_drop(&v);
	for (int i = 0; i < 500 && !all(); i++) {
		const unsigned s = 1 + draw(senders), r = 1 + draw(rcpts);

		for (unsigned k = 1 + draw(batch); k > 0 && !all() && !rests(s, r); k--) {
			learn(draw(4) ? ENDED : LOST, s, r, 1);
			asked++;
		}
	}
	return asked;
}

/* A host ends sessions at mail of one sender, and to one recipient: does just that rest? */
static bool
is_right(void)
{
	static unsigned pairs[MOST + 1][MOST + 1];	/* ends since it was served */
	const unsigned bad_sender = 1 + draw(MOST), bad_rcpt = 1 + draw(MOST);
	bool right = true;

	memset(pairs, 0, sizeof pairs);
	vain_drop(&v);
	for (int i = 0; i < 400; i++) {
		const unsigned s = draw(3) ? 1 + draw(MOST) : bad_sender;
		const unsigned r = draw(3) ? 1 + draw(MOST) : bad_rcpt;
		const bool bad = s == bad_sender || r == bad_rcpt;

		right &= !all();		/* others are served in between, or few are bad */
		if (rests(s, r)) {
			right &= bad;
			continue;
		}
		learn(bad ? ENDED : SERVED, s, r, 1);
		pairs[s][r] = bad ? pairs[s][r] + 1 : 0;
		right &= pairs[s][r] <= VAIN_MAX && (bad || !rests(s, r));
	}
	return right;
}

static void
test_random(void)
{
	unsigned most = 0, wrong = 0;

	for (int i = 0; i < 20000; i++) {
		const unsigned n = ask_in_vain(1 + draw(MOST), 1 + draw(MOST), 1 + draw(12));

		most = n > most ? n : most;
	}
	ok(most >= VAIN_MAX && most <= 60, "a host that serves none is asked at most 60 times (%u)",
	    most);
	for (int i = 0; i < 5000; i++)
		wrong += !is_right();
	ok(wrong == 0, "mail rests if its sender or recipient is bad, and none else (%u)", wrong);
}

/* A connection that breaks off at now_ms, at a message that began at begun_ms. */
static void
lose(unsigned subject, int64_t begun_ms, int64_t now_ms)
{
	struct vain_who these = who(subject, subject);
	struct outcome o;

	these.begun_ms = begun_ms;
	outcome_set(&o, CAUSE_LOST, SL("mx.example"), SL("lost connection in DATA"));
	vain_learn(&v, &these, &o, now_ms);
}

static void
test_at_once(void)
{
	vain_drop(&v);
	for (unsigned i = 1; i < 20; i++)
		lose(i, NOW, NOW + 100);
	for (unsigned i = 1; i < 20; i++)
		lose(i, NOW + 99, NOW + 200);
	ok(!all(), "connections that were open together, and broke off, count once");
	lose(20, NOW + 100, NOW + 300);
	ok(!all(), "one that began after that is the second");
	lose(21, NOW + 299, NOW + 400);
	ok(!all(), "one that began before that does not count");
	lose(22, NOW + 300, NOW + 500);
	ok(all(), "another one after that is the third, of other mail: all mail is meant");
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
	ok(vain_ended(v), "a 421 ends the session");
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
	test_at_once();
	test_mail();
	test_many();
	test_texts();
	test_random();
	vain_drop(&v);
	return tap_done();
}
