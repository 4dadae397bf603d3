// SPDX-License-Identifier: ISC
#include "runner/rates.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/rates_alone.h"
#include "tests/lib/tap.h"

#define S_US  INT64_C(1000000)
#define DAY   (86400 * S_US)
#define NOW_S INT64_C(1800000000)
#define NOW   (NOW_S * S_US)
#define STEP  (10 * S_US)	/* six a minute */

static char directory[] = "/dev/shm/rates_test.XXXXXX";
static int state_fd;

static bool
ask_as(struct rates *r, const char *key, uint64_t sender, uint64_t step_us, struct rates_wait *w,
    int64_t now_us)
{
	const struct rates_line line = { slice_str(key), step_us, sender };

	return ask_alone(r, &line, w, now_us);
}

/* Until when a new message waits, in seconds after NOW; -1: it goes. */
static int
ask_new(struct rates *r, const char *key, uint64_t sender, int64_t now_us)
{
	struct rates_wait w = { 0 };

	return ask_as(r, key, sender, STEP, &w, now_us) ? -1 : (int)(w.until_s - NOW_S);
}

/* The same of a message with that turn. */
static int
ask_turn(struct rates *r, const char *key, int turn_s, int64_t now_us)
{
	struct rates_wait w = { NOW + turn_s * S_US, NOW_S + turn_s, true };

	return ask_as(r, key, 1, STEP, &w, now_us) ? -1 : (int)(w.until_s - NOW_S);
}

static void
forget(struct rates *r)
{
	rates_done(r);
	(void)unlinkat(state_fd, "rates", 0);
}

static void
test_moments(void)
{
	struct rates r;

	rates_load(&r, state_fd, NOW);
	ok(ask_new(&r, "mx a", 1, NOW) == -1, "the first message goes at once");
	ok(ask_new(&r, "mx a", 1, NOW) == 10, "the second one after an interval");
	ok(ask_new(&r, "mx a", 1, NOW) == 20, "the third one after two");
	ok(ask_new(&r, "mx b", 1, NOW) == -1, "another destination has its own moments");
	ok(ask_new(&r, "mx a", 2, NOW) == 10, "another sender does not wait behind the line");
	ok(ask_turn(&r, "mx a", 10, NOW + 9 * S_US) == 10, "too early, a turn is kept");
	ok(ask_turn(&r, "mx a", 10, NOW + STEP) == -1, "at its moment the message goes");
	ok(ask_turn(&r, "mx a", 10, NOW + 20 * S_US) == -1, "it may be 10 s late");
	ok(ask_turn(&r, "mx a", 10, NOW + 20 * S_US + 1) != 10, "later than that it asks anew");
	ok(ask_new(&r, "mx a", 1, NOW + 500 * S_US) == -1, "an unused moment is not kept");
	ok(ask_new(&r, "mx a", 1, NOW + 500 * S_US) == 510, "so no two go together");
	forget(&r);
	ok(r.n == 0, "the table is free");
}

static void
test_file(void)
{
	struct rates_wait w = { NOW + 30 * S_US, NOW_S + 30, false };
	struct rates r;

	rates_load(&r, state_fd, NOW);
	(void)ask_new(&r, "mx a", 1, NOW);
	(void)ask_new(&r, "mx a", 1, NOW);
	rates_save(&r, 0, NOW);
	rates_done(&r);
	rates_load(&r, state_fd, NOW + 1);
	ok(ask_new(&r, "mx a", 1, NOW + 1) == 20, "the next run knows the lines");
	ok(ask_new(&r, "mx a", 1, NOW + S_US + 1) == 30, "the file is written while it runs");
	rates_done(&r);
	rates_load(&r, state_fd, NOW + S_US + 1);
	ok(ask_new(&r, "mx a", 1, NOW + S_US + 1) == 40, "so a death does not lose it");
	forget(&r);
	rates_load(&r, state_fd, NOW);
	ok(!ask_as(&r, "mx a", 1, STEP, &w, NOW) && w.place_us == NOW + 30 * S_US,
	    "without the file a message keeps its place");
	ok(ask_new(&r, "mx a", 1, NOW) == 40, "and others wait behind it");
	w = (struct rates_wait){ NOW + (RATES_FAR_S + 1) * S_US, NOW_S + RATES_FAR_S + 1,
		false };
	ok(!ask_as(&r, "mx a", 1, STEP, &w, NOW) && w.place_us == NOW + 50 * S_US,
	    "a place of a wrong clock is none");
	forget(&r);
}

static void
test_damage(void)
{
	static const char text[] = "# x\n\nmx a\n-5 1 1 1 mx a\n99999999999999999999 1 1 1 mx a\n"
	    "- 1 1800000500000000\n1800000005000000 1 1 1 \n1800000005000000 1 mx a\n"
	    "1900000000000000 10000000 1 1 mx a\n1800000005000000 0 1 1 mx a\n"
	    "1800000005000000 10000000 1800000000000001 1800000000000000 mx a\n"
	    "1800000005000000 10000000 1800000000000000 1800000000000000 \0mx c\n"
	    "1800000005000000 10000000 1800000000000000 1800000000000000 mx b\n- 1\n"
	    "- x 1800000500000000\n- 1 1800000020000000\n- 1 99999999999999999999\n";
	int fd = openat(state_fd, "rates", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct rates r;

	ok(write(fd, text, sizeof text - 1) == sizeof text - 1, "a damaged file");
	(void)close(fd);
	rates_load(&r, state_fd, NOW);
	ok(r.n == 1 && ask_new(&r, "mx b", 2, NOW) == 5, "has one destination that counts");
	ok(ask_new(&r, "mx b", 1, NOW) >= 20, "and one line");
	forget(&r);
}

static void
test_full(void)
{
	struct rates_wait w = { 0 };
	struct rates r;
	char key[20];

	rates_load(&r, state_fd, NOW);
	for (int i = 0; i < RATES_MAX; i++) {
		(void)snprintf(key, sizeof key, "mx %d", i);
		(void)ask_new(&r, key, 1, NOW);
	}
	ok(r.n == RATES_MAX && !ask_as(&r, "mx more", 1, STEP, &w, NOW) &&
	    w.until_s == NOW_S + RATES_WAIT_S, "mail for a destination too many waits");
	ok(w.place_us == 0 && !w.turn, "without a place");
	for (int i = 0; i < RATES_MAX; i++) {
		(void)snprintf(key, sizeof key, "mx %d", i);
		(void)ask_new(&r, key, 1, NOW + STEP - 1);
	}
	ok(!ask_as(&r, "mx more", 1, STEP, &w, NOW + STEP) && w.place_us == 0,
	    "its next look is no moment");
	ok(ask_new(&r, "mx more", 1, NOW + 30 * S_US) == -1 && r.n == 1, "until others are old");
	for (int i = 0; i < 2 * RATES_LINES; i++)
		(void)ask_new(&r, "mx more", (uint64_t)i + 5, NOW + 30 * S_US);
	ok(ask_new(&r, "mx more", 1, NOW + 30 * S_US) > 30, "very many senders share a line");
	forget(&r);
}

static void
test_note(void)
{
	const struct rates_wait turn = { NOW + 7, NOW_S + 5, true }, full = { 0, NOW_S, false };
	struct rates_wait got;
	struct outcome o, other;
	char note[sizeof o.detail + 100];

	rates_outcome(&turn, &o);
	ok(o.kind == OUTCOME_DEFERRED && !o.remote, "to wait is to be deferred");
	(void)snprintf(note, sizeof note, "deferred %s why=\"%s\"", o.status, o.detail);
	got = rates_note(slice_str(note));
	ok(got.place_us == NOW + 7 && got.until_s == NOW_S + 5 && got.turn,
	    "the note has the turn");
	rates_outcome(&(struct rates_wait){ NOW + 7, NOW_S + 5, false }, &other);
	ok(strlen(o.detail) == strlen(other.detail), "a place has as many octets");
	(void)snprintf(note, sizeof note, "deferred %s why=\"%s\"", o.status, other.detail);
	got = rates_note(slice_str(note));
	ok(got.place_us == NOW + 7 && got.until_s == NOW_S + 5 && !got.turn, "it is read, too");
	(void)snprintf(note, sizeof note, "deferred 4.4.5 host=h reply=\"%s\"", o.detail);
	ok(rates_note(slice_str(note)).place_us == 0, "a reply of a host has none");
	(void)snprintf(note, sizeof note, "deferred 4.5.0 why=\"%s\"", o.detail);
	ok(rates_note(slice_str(note)).place_us == 0, "nor has a reply without meaning");
	ok(rates_note(SL("deferred 4.4.5 why=\"the rate\"")).place_us == 0, "nor another reason");
	ok(rates_note(SL("")).place_us == 0, "nor an empty note");
	rates_outcome(&full, &o);
	(void)snprintf(note, sizeof note, "deferred %s why=\"%s\"", o.status, o.detail);
	ok(rates_note(slice_str(note)).place_us == 0, "nor the note of a message without a place");
}

/* ---- runs ---- */

#define MAIL_MAX 4000

struct mail {
	uint64_t sender;
	struct rates_wait w;
	int64_t due_us, gone_us;	/* 0: not gone */
};

/* A queue whose runner is started by a timer, 60 to 70 s after the end of each run. */
static struct queue_of_mail {
	struct mail mail[MAIL_MAX];
	size_t n, left, looks;
	uint64_t step_us;
	int64_t now_us;			/* of the clock */
	unsigned runs;
} q;

static void
mail_add(uint64_t sender, size_t n)
{
	for (size_t i = 0; i < n; i++)
		q.mail[q.n++] = (struct mail){ .sender = sender, .due_us = q.now_us };
	q.left += n;
}

static struct mail *
earliest(void)
{
	struct mail *m = NULL;

	for (size_t i = 0; i < q.n; i++)
		if (!q.mail[i].gone_us && (!m || q.mail[i].due_us < m->due_us))
			m = &q.mail[i];
	return m;
}

/* A run, to its end or until a time. */
static void
run_once(int64_t until_us)
{
	struct rates r;
	struct mail *m;

	q.runs++;
	rates_load(&r, state_fd, q.now_us);
	while ((m = earliest()) && q.now_us < until_us) {
		if (m->due_us > q.now_us) {
			if (!rates_stay(&r, m->due_us / S_US, q.now_us))
				break;
			q.now_us = m->due_us + 2000;
			continue;
		}
		q.looks++;
		q.now_us += 100;
		if (ask_as(&r, "mx a", m->sender, q.step_us, &m->w, q.now_us)) {
			m->gone_us = q.now_us;
			q.left--;
		} else {
			m->due_us = m->w.until_s * S_US;
		}
	}
	rates_save(&r, m ? m->due_us / S_US : 0, q.now_us);
	rates_done(&r);
}

static void
run_until(int64_t until_us)
{
	while (q.left && q.now_us < until_us) {
		run_once(until_us);
		if (q.now_us < until_us)
			q.now_us += (60 + q.runs % 11) * S_US;
	}
}

static void
begin_queue(uint64_t step_us)
{
	memset(&q, 0, sizeof q);
	q.now_us = NOW;
	q.step_us = step_us;
	(void)unlinkat(state_fd, "rates", 0);
}

/* Has the mail of the sender gone in its order, as far as full seconds keep it? */
static bool
in_order(uint64_t sender)
{
	int64_t last_us = 0;

	for (size_t i = 0; i < q.n; i++) {
		if (q.mail[i].sender != sender || !q.mail[i].gone_us)
			continue;
		if (q.mail[i].gone_us < last_us - S_US)
			return false;
		last_us = q.mail[i].gone_us;
	}
	return true;
}

static int
by_time(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Was the rate kept at any time, but for what a late run makes good? */
static bool
rate_kept(void)
{
	static int64_t gone[MAIL_MAX];
	int64_t least_us = INT64_MIN;
	size_t n = 0;

	for (size_t i = 0; i < q.n; i++)
		if (q.mail[i].gone_us)
			gone[n++] = q.mail[i].gone_us;
	qsort(gone, n, sizeof gone[0], by_time);
	for (size_t i = 0; i < n; i++) {
		/* The moment of each is behind that of the one before it. */
		least_us = least_us + (int64_t)q.step_us > gone[i] - RATES_GRACE_S * S_US ?
		    least_us + (int64_t)q.step_us : gone[i] - RATES_GRACE_S * S_US;
		if (least_us > gone[i] + S_US)
			return false;
	}
	return true;
}

/* Seconds from NOW until all mail of the sender was gone; 0: some is left. */
static int
took_s(uint64_t sender)
{
	int64_t last_us = NOW;

	for (size_t i = 0; i < q.n; i++) {
		if (q.mail[i].sender == sender && !q.mail[i].gone_us)
			return 0;
		if (q.mail[i].sender == sender && q.mail[i].gone_us > last_us)
			last_us = q.mail[i].gone_us;
	}
	return (int)((last_us - NOW) / S_US);
}

static bool
between(int least, int n, int most)
{
	if (n < least || n > most)
		printf("# %d is not in %d..%d\n", n, least, most);
	return n >= least && n <= most;
}

static void
test_runs(void)
{
	static const struct {
		uint64_t step_us;
		size_t n;
	} rows[] = {
		{ 10 * S_US, 200 }, { 300000, 2000 }, { 10000, 3000 }, { 100 * S_US, 30 },
		{ 74 * S_US, 30 }, { 600 * S_US, 20 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const int ideal = (int)(rows[i].step_us * (rows[i].n - 1) / S_US);

		begin_queue(rows[i].step_us);
		mail_add(1, rows[i].n);
		run_until(NOW + 30 * DAY);
		ok(between(ideal - 11, took_s(1), ideal + ideal / 50 + 75),
		    "a backlog goes at the rate, with runs of the timer");
		ok(in_order(1) && rate_kept(), "in its order");
		ok(q.looks <= 3 * rows[i].n, "each message is looked at a few times");
	}
}

static void
test_fair(void)
{
	begin_queue(S_US);
	mail_add(1, 2000);
	run_until(NOW + 100 * S_US);
	mail_add(2, 10);
	mail_add(3, 1);
	run_until(NOW + DAY);
	ok(between(100, took_s(2), 200), "ten messages pass a line of 2000");
	ok(between(100, took_s(3), 180), "and so does one");
	ok(between(2000, took_s(1), 2120), "no moment is lost");
	ok(in_order(1) && in_order(2) && rate_kept(), "each sender's mail goes in its order");
	begin_queue(600000);
	for (uint64_t sender = 1; sender <= 30; sender++)
		mail_add(sender, sender < 16 ? 120 : 10);
	run_until(NOW + DAY);
	ok(between(1160, took_s(1), 1300) && between(1160, took_s(15), 1300) && rate_kept(),
	    "thirty senders use all moments");
	for (uint64_t sender = 16; sender <= 30; sender++)
		ok(between(100, took_s(sender), 260) && in_order(sender) && in_order(sender - 15),
		    "those with little mail wait for their share only");
	ok(q.looks < 6 * q.n, "a message is looked at some times");
}

static void
test_late(void)
{
	begin_queue(STEP);
	mail_add(1, 200);
	run_until(NOW + 300 * S_US);
	q.now_us += 7200 * S_US;
	mail_add(2, 5);
	run_until(NOW + DAY);
	ok(in_order(1) && rate_kept(), "after two hours without a run it goes in order");
	ok(took_s(2) < 7200 + 700, "and others have their share");
	begin_queue(STEP);
	mail_add(1, 30);
	run_until(NOW + 60 * S_US);
	q.mail[9].due_us = NOW + 200 * S_US;	/* as after a hold */
	run_until(NOW + DAY);
	ok(between(290, took_s(1), 320), "one that is late by itself does not delay its line");
}

static void
test_clock(void)
{
	begin_queue(STEP);
	q.now_us = NOW + 3 * DAY;
	mail_add(1, 50);
	run_once(q.now_us + 20 * S_US);
	q.now_us = NOW;
	mail_add(2, 1);
	mail_add(1, 3);
	run_until(NOW + 60 * S_US);
	ok(between(0, took_s(2), 10), "a clock that was ahead delays no new mail");
	for (size_t i = 0; i < q.n; i++)	/* as after smtp-queue retry */
		q.mail[i].due_us = q.now_us;
	run_until(NOW + DAY);
	ok(q.left == 0 && between(450, took_s(2) + (int)((q.now_us - NOW) / S_US), 700),
	    "nor does it delay old mail that is tried again");
	begin_queue(STEP);
	mail_add(1, 50);
	run_once(NOW + 20 * S_US);
	q.step_us = STEP / 10;
	for (size_t i = 0; i < q.n; i++)
		q.mail[i].due_us = q.now_us;
	run_until(NOW + DAY);
	ok(between(40, took_s(1), 80), "after the rate was raised, so is old mail that is tried");
	begin_queue(3600 * S_US);
	mail_add(1, 2500);
	run_once(NOW + S_US);
	ok(q.mail[2499].due_us <= NOW + 21 * DAY, "a line beyond 20 days looks again before");
	(void)unlinkat(state_fd, "rates", 0);
}

static void
test_sender(void)
{
	struct queue_entry user = { .standing = STANDING_USER, .user = S("anna"),
		.from = S("anna@x.example"), .client = S("192.0.2.1") };
	struct queue_entry list = { .standing = STANDING_TRUSTED,
		.from = S("list+bob=a.example@x.example"), .client = S("192.0.2.1") };
	struct queue_entry stranger = { .from = S("a@x.example"),
		.client = S("2001:db8:0:1::5") };
	uint64_t one;

	one = rates_sender(&user);
	user.from = SL("other@x.example");
	user.client = SL("192.0.2.2");
	ok(rates_sender(&user) == one, "a user has one line");
	user.user = SL("ben");
	ok(rates_sender(&user) != one, "another user has another");
	one = rates_sender(&list);
	list.from = SL("List-carl=b.example@X.example");
	ok(rates_sender(&list) == one, "a list with reverse-paths for each member has one");
	list.from = SL("list+bob=a.example@y.example");
	ok(rates_sender(&list) != one, "another domain has another");
	list.from = SL("");
	ok(rates_sender(&list) != one, "and so have bounces");
	one = rates_sender(&stranger);
	stranger.from = SL("b@y.example");
	stranger.client = SL("2001:db8:0:1:ffff::9");
	ok(rates_sender(&stranger) == one, "a stranger is its network, whatever it names");
	stranger.client = SL("2001:db8:0:2::5");
	ok(rates_sender(&stranger) != one, "another network has another");
}

int
main(void)
{
	if (!mkdtemp(directory) || (state_fd = open(directory, O_RDONLY | O_CLOEXEC)) < 0)
		return 1;
	test_moments();
	test_file();
	test_damage();
	test_full();
	test_note();
	test_runs();
	test_fair();
	test_late();
	test_clock();
	test_sender();
	ok(rmdir(directory) == 0, "nothing is left behind");
	return tap_done();
}
