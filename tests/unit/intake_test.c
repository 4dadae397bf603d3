// SPDX-License-Identifier: ISC
/*
 * The window and the intake, with a real queue and real workers.  No message is lost that finds no
 * room, new mail has room that old mail has not, and a clock that jumps by years neither loses nor
 * delays a message.
 */
#include "runner/intake.h"

#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "runner/runner.h"
#include "tests/lib/workers.h"
#include "tests/unit/queue_fixture.h"

#define YEAR_S (INT64_C(365) * 86400)

static int64_t jump_s;

int64_t __real_clock_wall_us(void);
int64_t __wrap_clock_wall_us(void);

int64_t
__wrap_clock_wall_us(void)
{
	return __real_clock_wall_us() + jump_s * 1000000;
}

static unsigned ends[REPORT_STUCK + 1], kinds[3], notices;
static int64_t last_due_s;

static void
count(void *ctx, const struct report *e)
{
	(void)ctx;
	switch (e->kind) {
	case REPORT_RCPT:
		kinds[e->rcpt.outcome->kind]++;
		break;
	case REPORT_MESSAGE:
		ends[e->message.end]++;
		last_due_s = e->message.due_s;
		break;
	case REPORT_NOTICE:
		notices += e->notice.action == NOTICE_FAILED;
		break;
	case REPORT_TROUBLE:
		printf("# trouble: %s %s %d\n", e->trouble.what, e->id, e->trouble.error);
		break;
	case REPORT_MOVED:
	case REPORT_TLS_LOST:
	case REPORT_ROUTE:
		break;
	}
}

static struct fixture f;
static struct config config;
static struct dns_resolver resolver;
static struct runner runner;
static struct intake intake = { .runner = &runner };

static void
report_error(void *ctx, const char *file, unsigned line, const char *text)
{
	(void)ctx;
	printf("# %s:%u: %s\n", file, line, text);
}

static void
set_up(void)
{
	static const char *overrides[] = {
		"server.hostname=mail.example", "route discard.example.via=discard",
		"route stuck.example.via=maildir:/dev/null/{local}",
		"queue.retry-min=10min",
	};
	struct config_report report = { report_error, NULL };

	fixture_open(&f);
	must(config_load(&config, "/dev/null", overrides, sizeof overrides / sizeof overrides[0],
	    &report) >= 0, "config_load");
	runner.config = &config;
	runner.queue = &f.q;
	runner.resolver = &resolver;
	runner.reports.sink = count;
	runner.watcher = (struct runner_watcher){ workers_started, workers_ended, NULL };
}

static enum standing standing;

static void
put(const char *to, int n)
{
	static struct queue_message m;
	const struct queue_facts facts = { .longest_line = 13 };

	while (n-- > 0) {
		queue_begin(&m);
		queue_standing(&m, standing, SL(""));
		queue_from(&m, SL("a@discard.example"), SL(""));
		queue_rcpt(&f.q, &m, slice_str(to), SL(""));
		must(queue_head_end(&f.q, &m, 0) == 0 &&
		    queue_content(&m, SL("Subject: one\r\n\r\ntext\r\n")) == 0 &&
		    queue_commit(&f.q, &m, &facts) == 0, "put");
	}
}

static void
fill(void)
{
	while (intake_ready(&intake))
		intake_turn(&intake);
}

static bool
run(void)
{
	const int64_t end_ms = clock_ms() + 20000;

	memset(ends, 0, sizeof ends);
	memset(kinds, 0, sizeof kinds);
	notices = 0;
	do {
		fill();
		runner_dispatch(&runner);
		runner_turn(&runner);
		if (runner.nworkers == 0 && runner.window.nmessages == 0)
			return true;
		workers_turn(&runner, 10, false);
	} while (clock_ms() < end_ms);
	return false;
}

static bool
look(bool new, bool cur, bool wait)
{
	intake.look_new = new;
	intake.look_cur = cur;
	intake.look_wait = wait;
	return run();
}

static void
test_window(void)
{
	put("x@discard.example", 50);
	runner.window.nrcpts = WINDOW_RCPTS;
	intake.look_new = true;
	fill();
	ok(names_in(f.q.fresh) == 0 && names_in(f.q.cur) == 50 && runner.window.nmessages == 0,
	    "a full window: new/ is emptied nevertheless");
	ok(!intake_over(&intake) && !intake_ready(&intake), "there is more to do, but not now");
	runner.window.nrcpts = 0;
	ok(run() && ends[REPORT_FINISHED] == 50 && names_in(f.q.cur) == 0,
	    "all of it is delivered after there is room");
	ok(intake_over(&intake), "no message is left to take");

	put("x@discard.example", 20);
	must(queue_take_new(&f.q, NULL, NULL) == 20, "queue_take_new");
	ok(look(false, true, false) && ends[REPORT_FINISHED] == 20,
	    "messages that an interrupted run left in cur/");
}

/* One turn at a time: the messages in the window after each. */
static void
test_new_first(void)
{
	size_t after[4];

	put("x@discard.example", 5);
	must(queue_take_new(&f.q, NULL, NULL) == 5, "queue_take_new");
	intake.look_cur = intake.look_new = true;
	for (int i = 0; i < 4; i++) {
		put("x@discard.example", i < 3);
		intake.look_new = true;
		intake_turn(&intake);
		after[i] = runner.window.nmessages;
	}
	ok(after[0] == 1, "new mail is taken alone, so that its worker starts: %zu", after[0]);
	ok(after[1] == 7, "the next turn is for older mail, too, whatever arrives: %zu", after[1]);
	ok(after[2] == 8 && after[3] == 8, "and so on: %zu, %zu", after[2], after[3]);
	ok(run() && ends[REPORT_FINISHED] == 8, "all of it is delivered");
}

static void
test_shares(void)
{
	put("x@stuck.example", 30);
	ok(look(true, false, false) && ends[REPORT_DEFERRED] == 30, "thirty messages are deferred");
	must(queue_take_due(&f.q, 0, true, NULL, NULL) == 30, "queue_take_due");
	ok(look(false, true, false) && ends[REPORT_DEFERRED] == 30 &&
	    queue_next_due(&f.q) > clock_wall_s() + 1000,
	    "deferred again, for longer");
	must(queue_flush(&f.q) > 0, "queue_flush");
	put("x@discard.example", 5);
	runner.window.nrcpts = WINDOW_RCPTS_RETRIED;
	intake.look_new = intake.look_wait = true;
	fill();
	ok(runner.window.nmessages == 5 && names_in(f.q.cur) == 5 && !intake_over(&intake),
	    "no room for mail that failed, but for new mail");
	runner.window.nrcpts = 5;
	ok(run() && ends[REPORT_FINISHED] == 5 && ends[REPORT_DEFERRED] == 30,
	    "both are tried later");
	must(queue_take_due(&f.q, 0, true, NULL, NULL) == 30, "queue_take_due");
	config.queue.lifetime_s = 0;
	ok(look(false, true, false) && notices == 30, "they are returned after their lifetime");
	config.queue.lifetime_s = 5 * 86400;
	ok(look(true, false, false) && ends[REPORT_FINISHED] == 30 && names_in(f.q.cur) == 0 &&
	    names_in(f.q.wait) == 0,
	    "all of them");
}

/* A flood of strangers leaves room for mail of people here. */
static void
test_foreign(void)
{
	put("x@discard.example", 5);
	standing = STANDING_TRUSTED;
	put("x@discard.example", 3);
	standing = STANDING_STRANGER;
	runner.window.nrcpts = WINDOW_RCPTS_FOREIGN;
	intake.look_new = true;
	fill();
	ok(runner.window.nmessages == 3 && names_in(f.q.cur) == 8 && names_in(f.q.fresh) == 0 &&
	    !intake_over(&intake),
	    "no room for mail of strangers, but for mail of people here");
	runner.window.nrcpts = 3;
	ok(run() && ends[REPORT_FINISHED] == 8 && names_in(f.q.cur) == 0,
	    "the mail of strangers is delivered after there is room");
}

/* This host was off for the whole lifetime of a message, or much longer. */
static void
test_never_tried(void)
{
	static const int days[] = { 6, 30, 64, 66, 400 };

	for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
		int n = 0;

		notices = 0;
		put("x@stuck.example", 1);
		jump_s = days[i] * 86400;
		while (n++ < 60 && look(n == 1, false, true) && ends[REPORT_FINISHED] == 0)
			jump_s += 5 * 3600;
		ok(n >= 4, "never tried and %d days old: %d attempts before it is returned",
		    days[i], n);
		ok(days[i] > 60 || n == 4, "no more than that are needed");
		(void)look(true, false, false);
	}
	jump_s = 0;
	notices = 0;
}

static void
test_clock(void)
{
	int n = 0;

	put("x@stuck.example", 3);
	ok(look(true, false, false) && ends[REPORT_DEFERRED] == 3, "deferred");
	jump_s = 10 * YEAR_S;
	ok(look(false, false, true) && ends[REPORT_DEFERRED] == 3 && notices == 0,
	    "the clock jumps ten years ahead: tried, and not given up");
	ok(last_due_s > clock_wall_s() && last_due_s < clock_wall_s() + 2000,
	    "the next attempt is soon, by that clock");
	ok(look(false, false, true) && ends[REPORT_DEFERRED] == 0, "no attempt before its time");
	jump_s = 0;
	ok(look(false, false, true) && ends[REPORT_DEFERRED] == 3 && notices == 0,
	    "the clock is right again: messages postponed for ten years are due");
	ok(last_due_s < clock_wall_s() + 5000, "they are postponed no longer than others");
	jump_s = -YEAR_S;
	ok(look(false, false, true) && ends[REPORT_DEFERRED] == 3 && notices == 0,
	    "a year back: due at once");
	ok(last_due_s > clock_wall_s() && last_due_s < clock_wall_s() + 10000,
	    "once, then by that clock");
	jump_s = 10 * YEAR_S;
	while (n++ < 40 && look(false, false, true) && !notices)
		jump_s += 5 * 3600;
	ok(notices == 3 && n > 5 && n < 40,
	    "if it stays ten years ahead, they are given up: after %d attempts", n);
	ok(look(true, false, false) && ends[REPORT_FINISHED] == 6 &&
	    names_in(f.q.cur) + names_in(f.q.wait) + names_in(f.q.fresh) == 0,
	    "their sender gets notices of the delay and the failure");
	put("x@stuck.example", 3);
	jump_s = 0;
	notices = 0;
	n = 0;
	while (n++ < 60 && look(true, false, true) && !notices)
		jump_s += 5 * 3600;
	ok(notices == 3 && n > 20 && n < 40,
	    "mail that came ten years ahead has its usual lifetime: %d attempts", n);
	jump_s = 0;
}

int
main(void)
{
	set_up();
	test_window();
	test_new_first();
	test_shares();
	test_foreign();
	test_never_tried();
	test_clock();
	intake_done(&intake);
	runner_done(&runner);
	config_done(&config);
	fixture_close(&f);
	return tap_done();
}
