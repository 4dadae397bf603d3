// SPDX-License-Identifier: ISC
#include "runner/rates.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/tap.h"

#define S_US  INT64_C(1000000)
#define NOW_S INT64_C(1800000000)
#define NOW   (NOW_S * S_US)
#define STEP  (10 * S_US)	/* six a minute */

static char directory[] = "/tmp/rates_test.XXXXXX";
static int state_fd;

static int64_t
ask(struct rates *r, const char *key, int64_t moment_s, int64_t now_us)
{
	return rates_ask(r, slice_str(key), STEP, moment_s, now_us);
}

static void
test_moments(void)
{
	struct rates r;

	rates_load(&r, state_fd, NOW);
	ok(ask(&r, "mx a", 0, NOW) == 0, "the first message goes at once");
	ok(ask(&r, "mx a", 0, NOW) == NOW_S + 10, "the second one after an interval");
	ok(ask(&r, "mx a", 0, NOW) == NOW_S + 20, "the third one after two");
	ok(ask(&r, "mx b", 0, NOW) == 0, "another destination has its own moments");
	ok(ask(&r, "mx a", NOW_S + 10, NOW + 9 * S_US) == NOW_S + 10, "too early, it still waits");
	ok(ask(&r, "mx a", NOW_S + 10, NOW + STEP) == 0, "at its moment it goes");
	ok(ask(&r, "mx a", 0, NOW + STEP) == NOW_S + 30, "a new one waits behind the others");
	ok(ask(&r, "mx a", NOW_S + 20, NOW + 2 * STEP + 10 * S_US) == 0, "it may be 10 s late");
	ok(ask(&r, "mx a", NOW_S + 20, NOW + 2 * STEP + 10 * S_US + 1) == NOW_S + 40,
	    "later than that it gets a new moment");
	ok(ask(&r, "mx a", 0, NOW + 50 * S_US) == 0, "an unused moment is not kept");
	ok(ask(&r, "mx a", 0, NOW + 50 * S_US) == NOW_S + 60, "so no two go together");
	rates_done(&r);
	ok(r.n == 0, "the table is free");
	(void)unlinkat(state_fd, "rates", 0);
}

static void
test_file(void)
{
	struct rates r;

	rates_load(&r, state_fd, NOW);
	(void)ask(&r, "mx a", 0, NOW);
	(void)ask(&r, "mx a", 0, NOW);
	rates_save(&r, NOW);
	rates_done(&r);
	rates_load(&r, state_fd, NOW + 1);
	ok(ask(&r, "mx a", 0, NOW + 1) == NOW_S + 20, "the next run knows the moments");
	ok(ask(&r, "mx a", 0, NOW + S_US + 1) == NOW_S + 30, "the file is written while it runs");
	rates_done(&r);
	rates_load(&r, state_fd, NOW + S_US + 1);
	ok(ask(&r, "mx a", 0, NOW + S_US + 1) == NOW_S + 40, "so a death does not lose it");
	rates_done(&r);
	(void)unlinkat(state_fd, "rates", 0);
	rates_load(&r, state_fd, NOW);
	ok(ask(&r, "mx a", NOW_S + 30, NOW) == NOW_S + 30, "without the file it keeps its moment");
	ok(ask(&r, "mx a", 0, NOW) == NOW_S + 40, "and others wait behind it");
	ok(ask(&r, "mx a", NOW_S + RATES_FAR_S + 1, NOW) == NOW_S + 50,
	    "a moment of a wrong clock is none");
	rates_done(&r);
	(void)unlinkat(state_fd, "rates", 0);
}

static void
test_damage(void)
{
	static const char text[] = "# x\n\nmx a\n-5 mx a\n99999999999999999999 mx a\n"
	    "1800000005000000 \n1900000000000000 mx a\n1800000005000000 mx b\n";
	int fd = openat(state_fd, "rates", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct rates r;

	ok(write(fd, text, sizeof text - 1) == sizeof text - 1, "a damaged file");
	(void)close(fd);
	rates_load(&r, state_fd, NOW);
	ok(r.n == 1 && ask(&r, "mx b", 0, NOW) == NOW_S + 5, "has one line that counts");
	rates_done(&r);
	(void)unlinkat(state_fd, "rates", 0);
}

static void
test_full(void)
{
	struct rates r;
	char key[20];

	rates_load(&r, state_fd, NOW);
	for (int i = 0; i < RATES_MAX; i++) {
		(void)snprintf(key, sizeof key, "mx %d", i);
		(void)ask(&r, key, 0, NOW);
	}
	ok(r.n == RATES_MAX && ask(&r, "mx more", 0, NOW) == NOW_S + RATES_WAIT_S,
	    "mail for a destination too many waits");
	ok(ask(&r, "mx more", 0, NOW + STEP) == 0 && r.n == 1, "until others are old");
	rates_done(&r);
	(void)unlinkat(state_fd, "rates", 0);
}

static void
test_note(void)
{
	struct outcome o;
	char note[sizeof o.detail + 100];

	rates_outcome(NOW_S, &o);
	ok(o.kind == OUTCOME_DEFERRED && !o.remote, "to wait is to be deferred");
	(void)snprintf(note, sizeof note, "deferred %s why=\"%s\"", o.status, o.detail);
	ok(rates_moment_s(slice_str(note)) == NOW_S, "the note has the moment");
	(void)snprintf(note, sizeof note, "deferred 4.4.5 host=h reply=\"%s\"", o.detail);
	ok(rates_moment_s(slice_str(note)) == 0, "a reply of a host has none");
	(void)snprintf(note, sizeof note, "deferred 4.5.0 why=\"%s\"", o.detail);
	ok(rates_moment_s(slice_str(note)) == 0, "nor has a reply without meaning");
	ok(rates_moment_s(SL("deferred 4.4.5 why=\"the rate\"")) == 0, "nor another reason");
	ok(rates_moment_s(SL("")) == 0, "nor an empty note");
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
	ok(rmdir(directory) == 0, "nothing is left behind");
	return tap_done();
}
