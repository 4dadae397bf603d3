// SPDX-License-Identifier: ISC
/*
 * Machines that take the moments of a destination from one place, which is in this test.  Their
 * clocks differ.
 */
#include "runner/rates.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/tap.h"

#define S_US	 INT64_C(1000000)
#define NOW	 (INT64_C(1800000000) * S_US)
#define MACHINES 3
#define MAIL_MAX 2000

static char directory[] = "/dev/shm/rates_shared_test.XXXXXX";
static int state_fd;			/* no run reads what another one has written */

struct mail {
	size_t machine;
	uint64_t sender;
	struct rates_wait w;
	int64_t due_us, gone_us;	/* 0: not gone */
};

static struct {
	struct rates rates[MACHINES];
	struct mail mail[MAIL_MAX];
	size_t n, looks, missed;
	int64_t step_us, now_us, free_us;
	bool away;			/* the place of the moments does not reply */
} q;

static int64_t
clock_of(size_t machine)
{
	return q.now_us + (int64_t)machine * 777 * S_US;
}

static void
begin(int64_t step_us)
{
	for (size_t i = 0; i < MACHINES; i++)
		rates_done(&q.rates[i]);
	memset(&q, 0, sizeof q);
	q.step_us = step_us;
	q.now_us = NOW;
	for (size_t i = 0; i < MACHINES; i++) {
		(void)unlinkat(state_fd, "rates", 0);
		rates_load(&q.rates[i], state_fd, clock_of(i));
		q.rates[i].lost = false;
	}
}

static void
add(size_t machine, uint64_t sender, size_t n)
{
	for (size_t i = 0; i < n; i++)
		q.mail[q.n++] = (struct mail){ machine, sender, { 0 }, q.now_us, 0 };
}

/* The same as the script of Redis. */
static int64_t
moment(const struct rates_moment *m)
{
	int64_t at_us = q.now_us - m->grace_us;

	if (q.free_us > at_us)
		at_us = q.free_us;
	if (q.now_us + m->free_us > at_us)
		at_us = q.now_us + m->free_us;
	q.free_us = at_us + q.step_us;
	return at_us - q.now_us;
}

static void
ask(struct mail *m)
{
	const struct rates_line line = { S("mx a"), (uint64_t)q.step_us, m->sender };
	struct rates *r = &q.rates[m->machine];
	const int64_t now_us = clock_of(m->machine);
	struct rates_moment wanted;
	enum rates_reply reply = rates_look(r, &line, &m->w, now_us, &wanted);
	bool goes = reply == RATES_GO;

	if (reply == RATES_DUE && q.away)
		goes = rates_take(r, &line, &m->w, &wanted, now_us);
	else if (reply == RATES_DUE)
		goes = rates_given(r, &line, &m->w, &wanted, moment(&wanted), now_us + 300);
	q.looks++;
	if (goes)
		m->gone_us = q.now_us;
	else
		m->due_us = m->w.until_s * S_US - (clock_of(m->machine) - q.now_us);
}

/* Just before its moment the run must be there, or the mail waits for the next run of the timer. */
static void
run_stays(const struct mail *m)
{
	const int64_t now_us = clock_of(m->machine);
	struct rates *r = &q.rates[m->machine];

	rates_save(r, m->w.until_s, now_us);
	if (m->w.until_s > 0 && !rates_stay(r, m->w.until_s, now_us))
		q.missed++;
}

static void
run_until(int64_t until_us)
{
	for (;;) {
		struct mail *m = NULL;

		for (size_t i = 0; i < q.n; i++)
			if (!q.mail[i].gone_us && (!m || q.mail[i].due_us < m->due_us))
				m = &q.mail[i];
		if (!m || m->due_us > until_us) {
			q.now_us = until_us;
			return;
		}
		if (m->due_us > q.now_us) {
			q.now_us = m->due_us - 1000;
			run_stays(m);
			q.now_us = m->due_us + 2000;
		}
		q.now_us += 100;
		ask(m);
	}
}

/* How many of a machine (MACHINES: of all) and a sender (0: of all) went in these seconds? */
static int
went(size_t machine, uint64_t sender, int from_s, int to_s)
{
	int n = 0;

	for (size_t i = 0; i < q.n; i++) {
		const struct mail *m = &q.mail[i];

		n += (machine == MACHINES || m->machine == machine) &&
		    (!sender || m->sender == sender) && m->gone_us >= NOW + from_s * S_US &&
		    m->gone_us < NOW + to_s * S_US;
	}
	return n;
}

static bool
between(int least, int n, int most)
{
	if (n < least || n > most)
		printf("# %d is not in %d..%d\n", n, least, most);
	return n >= least && n <= most;
}

/* Did every window of so many seconds have what the rate allows, and one more at most? */
static bool
kept(int seconds, int end_s)
{
	const int most = (int)(seconds * S_US / q.step_us) + 1;
	bool good = true;

	for (int at = 0; at + seconds <= end_s; at++)
		good = good && between(0, went(MACHINES, 0, at, at + seconds), most + 1);
	return good;
}

static void
test_even(int64_t step_us, int most_off)
{
	const int end_s = (int)(300 * step_us / S_US);

	begin(step_us);
	for (size_t i = 0; i < MACHINES; i++)
		add(i, 1, 200);
	run_until(NOW + end_s * S_US);
	printf("# interval of %g s, %zu looks\n", (double)step_us / 1e6, q.looks);
	ok(between(295, went(MACHINES, 0, 0, end_s), 302), "three machines use all moments");
	ok(kept(60, end_s), "and no more in any minute");
	for (size_t i = 0; i < MACHINES; i++)
		ok(between(100 - most_off, went(i, 0, 0, end_s), 100 + most_off),
		    "each has its share");
	ok(q.looks < 8 * q.n, "a message looks a few times");
}

static void
test_senders(void)
{
	begin(10 * S_US);
	for (uint64_t sender = 1; sender <= 5; sender++)
		add(0, sender, 100);
	add(1, 1, 200);
	run_until(NOW + 2400 * S_US);
	for (uint64_t sender = 1; sender <= 5; sender++)
		ok(between(36, went(0, sender, 0, 2400), 44), "five senders of a machine");
	ok(between(36, went(1, 0, 0, 2400), 48), "and one of another have the same share");
	add(2, 7, 1);
	run_until(NOW + 2600 * S_US);
	ok(went(2, 7, 2400, 2500) == 1, "a new one of a third machine waits for few turns");
	run_until(NOW + 6600 * S_US);
	ok(between(650, went(MACHINES, 0, 0, 6600), 661), "no moment is lost");
}

static void
test_alone(void)
{
	begin(S_US);
	add(0, 1, 300);
	add(1, 1, 50);
	run_until(NOW + 300 * S_US);
	ok(between(246, went(0, 0, 0, 300), 252) && went(1, 0, 0, 300) == 50,
	    "a machine has all moments when the other has no mail left");
}

static void
test_away(void)
{
	begin(S_US);
	for (size_t i = 0; i < MACHINES; i++)
		add(i, 1, 300);
	run_until(NOW + 60 * S_US);
	q.away = true;
	run_until(NOW + 120 * S_US);
	for (size_t i = 0; i < MACHINES; i++)
		ok(between(50, went(i, 0, 62, 120), 60), "alone, each has its own rate");
	q.away = false;
	q.free_us = 0;			/* it has lost its memory */
	run_until(NOW + 300 * S_US);
	ok(between(160, went(MACHINES, 0, 125, 300), 178) &&
	    between(0, went(MACHINES, 0, 130, 190), 62), "together again, they have one rate");
}

static void
test_harm(void)
{
	struct rates_line line = { S("mx a"), S_US, 1 };
	struct rates_wait w = { 0 };
	struct rates_moment m;

	begin(S_US);
	ok(rates_look(q.rates, &line, &w, NOW, &m) == RATES_DUE && m.grace_us == 0 &&
	    rates_given(q.rates, &line, &w, &m, 0, NOW), "the first moment is now");
	line.sender = 2;
	w = (struct rates_wait){ 0 };
	ok(rates_look(q.rates, &line, &w, NOW, &m) == RATES_DUE && m.free_us == S_US &&
	    !rates_given(q.rates, &line, &w, &m, -5 * S_US, NOW) && w.turn &&
	    w.until_s == NOW / S_US + 1, "an early one does not break the rate of this machine");
}

/* The moment of the last mail is past before the second in which it is due. */
static void
test_last(void)
{
	for (size_t n = 1; n < 40; n++) {
		begin(200000);
		add(0, 1, n);
		add(1, 1, n);
		run_until(NOW + 60 * S_US);
		if (!ok(q.missed == 0 && went(MACHINES, 0, 0, 60) == (int)(2 * n),
		    "each run stays for the last of %zu", n))
			printf("# missed %zu times\n", q.missed);
	}
}

int
main(void)
{
	if (!mkdtemp(directory) || (state_fd = open(directory, O_RDONLY | O_CLOEXEC)) < 0)
		return 1;
	test_even(S_US, 4);
	test_even(10 * S_US, 4);
	/* Messages look once a second, so the one that comes first takes more. */
	test_even(250000, 30);
	test_senders();
	test_alone();
	test_away();
	test_harm();
	test_last();
	begin(1);
	(void)unlinkat(state_fd, "rates", 0);
	(void)rmdir(directory);
	return tap_done();
}
