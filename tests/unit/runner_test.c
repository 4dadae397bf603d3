// SPDX-License-Identifier: ISC
/*
 * The scheduler with real workers and a real queue in a temporary folder, driven
 * by poll(2) instead of an event loop.  Routes end in Maildirs, in nothing, or in a refusal, so no network is needed.
 */
#include "runner/runner.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "runner/admit.h"
#include "runner/schedule.h"
#include "smtp/extension.h"
#include "tests/lib/queue_all.h"
#include "tests/lib/tap.h"
#include "tests/lib/workers.h"

static struct runner runner;
static size_t most_at_once;
static unsigned ends[REPORT_STUCK + 1], notices[NOTICE_KINDS], kinds[3];
static bool kill_idle;		/* kill the first worker once it has delivered something */
static unsigned kill_busy, stop_at;	/* not 0: kill the first worker, or stop, when so many have been delivered */
static pid_t kill_next;		/* not 0: the next worker is killed at once */
static bool end_well;		/* and says that all was well */
static struct outcome last;

static int64_t last_due_s;
static char put_id[QUEUE_ID_SIZE], last_id[QUEUE_ID_SIZE], last_delayed[100];
static unsigned troubles;
static unsigned frozen[2];	/* works again, is frozen */

static void
watch_started(void *ctx, struct worker *w)
{
	workers_started(ctx, w);
	if (nstarted > most_at_once)
		most_at_once = nstarted;
	if (kill_next) {
		kill_next = 0;
		(void)kill(w->pid, SIGSTOP);	/* so that it cannot be faster than the kill */
		(void)kill(w->pid, SIGKILL);
	}
}

static void
heard_rcpt(const struct outcome *o)
{
	siginfo_t info;

	if (kill_idle) {	/* after enough time for it to wait for its next job */
		kill_idle = false;
		(void)usleep(200000);
		(void)kill(started[0]->pid, SIGKILL);
		(void)waitid(P_PID, (id_t)started[0]->pid, &info, WEXITED | WNOWAIT);
	}
	kinds[o->kind]++;
	if (kill_busy && kinds[OUTCOME_DELIVERED] == kill_busy) {
		(void)kill(started[0]->pid, SIGKILL);
		(void)waitid(P_PID, (id_t)started[0]->pid, &info, WEXITED | WNOWAIT);
	}
	if (stop_at && kinds[OUTCOME_DELIVERED] == stop_at)
		runner_stop(&runner);
	last = *o;
}

static void
heard_message(const struct report *e)
{
	ends[e->message.end]++;
	if (e->message.end != REPORT_DEFERRED)
		return;
	last_due_s = e->message.due_s;
	(void)snprintf(last_id, sizeof last_id, "%s", e->id);
}

static void
heard_notice(const struct report *e)
{
	const struct slice to = e->notice.to;

	notices[e->notice.action]++;
	if (e->notice.action == NOTICE_DELAYED)
		(void)snprintf(last_delayed, sizeof last_delayed, "%.*s", (int)to.n, to.p);
}

static void
hear(void *ctx, const struct report *e)
{
	(void)ctx;
	switch (e->kind) {
	case REPORT_RCPT:
		heard_rcpt(e->rcpt.outcome);
		break;
	case REPORT_MESSAGE:
		heard_message(e);
		break;
	case REPORT_NOTICE:
		heard_notice(e);
		break;
	case REPORT_MOVED:
		printf("# moved: %s %s\n", e->moved.destination, e->moved.host);
		break;
	case REPORT_ROUTE:
		frozen[e->route.entry != NULL]++;
		break;
	case REPORT_TROUBLE:
		troubles++;
		printf("# trouble: %s %s %d\n", e->trouble.what, e->id, e->trouble.error);
		break;
	}
}

static char folder[] = "/tmp/runner_test.XXXXXX";
static struct queue queue;
static struct config config;
static struct dns_resolver resolver;

static void
report_error(void *ctx, const char *file, unsigned line, const char *text)
{
	(void)ctx;
	printf("# %s:%u: %s\n", file, line, text);
}

static bool
set_up(void)
{
	static char directory[200], maildir[200];
	static const char *overrides[] = {
		directory, maildir, "server.hostname=mail.example", "route discard.example.via=discard",
		"route reject.example.via=reject:not here", "route stuck.example.via=maildir:/dev/null/{local}", "relay.per-destination=3", "queue.retry-min=10min",
		"route frozen.example.via=smtp://127.0.0.1:1",
	};
	struct config_report report = { report_error, NULL };

	if (!mkdtemp(folder))
		return false;
	(void)snprintf(directory, sizeof directory, "queue.directory=%s/queue", folder);
	(void)snprintf(maildir, sizeof maildir, "route box.example.via=maildir:%s/mail/{local}", folder);
	if (config_load(&config, "/dev/null", overrides, sizeof overrides / sizeof overrides[0], &report) < 0 ||
	    queue_open(&queue, config.queue.directory, QUEUE_RUN) < 0)
		return false;
	runner.config = &config;
	runner.queue = &queue;
	runner.resolver = &resolver;
	runner.reports.sink = hear;
	runner.watcher = (struct runner_watcher){ watch_started, workers_ended, NULL };
	frozen_load(&runner.frozen, queue.state, clock_wall_s());
	return true;
}

static const char *from_params = "", *rcpt_params = "";

static void
add_rcpts(struct queue_message *m, const char *const *to)
{
	for (; *to; to++)
		queue_rcpt(&queue, m, slice_str(*to), slice_str(rcpt_params));
}

static bool
put(const char *from, const char *const *to)
{
	static struct queue_message m;
	struct queue_facts facts = { .longest_line = 13 };

	queue_begin(&m);
	(void)snprintf(put_id, sizeof put_id, "%s", m.id);
	queue_field(&m, "client", SL("test"));
	queue_from(&m, slice_str(from), slice_str(from_params));
	add_rcpts(&m, to);
	return queue_head_end(&queue, &m, 0) == 0 &&
	    queue_content(&m, SL("Subject: one\r\n\r\ntext\r\n")) == 0 &&
	    queue_commit(&queue, &m, &facts) == 0;
}

static bool
add(void *ctx, const char *id)
{
	(void)ctx;
	admit_message(&runner, id);
	return true;
}

/* Everything that is in new/ and what comes of it; false when it does not end in time. */
static bool
run_all(void)
{
	int64_t end_ms = clock_ms() + 20000;

	(void)queue_take_new(&queue, NULL, NULL);
	(void)queue_each(&queue, add, NULL);
	do {
		runner_dispatch(&runner);
		runner_turn(&runner);
		if (runner.nworkers == 0 && (runner.window.nmessages == 0 || runner.stopping))
			return !runner.stopping;
		workers_turn(&runner, 20, end_well);
	} while (clock_ms() < end_ms);
	return false;
}

/* Change the first recipient in state `from` of the queue file to `to`, as if a run had ended there. */
static bool
mark_first(int fd, char from, char to)
{
	char text[2000] = "", line[4] = { '\n', from, ' ', '<' }, *at;

	if (pread(fd, text, sizeof text - 1, 0) <= 0 || !(at = memmem(text, sizeof text, line, sizeof line)))
		return false;
	return pwrite(fd, &to, 1, at + 1 - text) == 1;
}

/* As if the message had come so much earlier: in the file at wait/, or in new/. */
__attribute__((format(printf, 2, 3))) static bool
age(int64_t seconds, const char *format, ...)
{
	char path[400], text[2000] = "", digits[24], *at;
	int n = snprintf(path, sizeof path, "%s/queue/", folder), fd;
	bool done;
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(path + n, sizeof path - (size_t)n, format, ap);
	va_end(ap);
	fd = open(path, O_RDWR);
	if (pread(fd, text, sizeof text - 1, 0) <= 0 || !(at = strstr(text, "\narrived: ")))
		return false;
	at += strlen("\narrived: ");
	(void)snprintf(digits, sizeof digits, "%010lld", strtoll(at, NULL, 10) - (long long)seconds);
	done = pwrite(fd, digits, 10, at - text) == 10;
	close(fd);
	return done;
}

static bool
age_waiting(int64_t seconds)
{
	return age(seconds, "wait/%lld/%s", (long long)last_due_s, last_id);
}

static void
clear(void)
{
	memset(ends, 0, sizeof ends);
	memset(kinds, 0, sizeof kinds);
	memset(notices, 0, sizeof notices);
	most_at_once = 0;
}

__attribute__((format(printf, 1, 2))) static unsigned
files(const char *format, ...)
{
	char path[400];
	struct dirent *entry;
	unsigned n = 0;
	va_list ap;
	DIR *d;
	int at = snprintf(path, sizeof path, "%s/", folder);

	va_start(ap, format);
	(void)vsnprintf(path + at, sizeof path - (size_t)at, format, ap);
	va_end(ap);
	d = opendir(path);
	while (d && (entry = readdir(d)))
		n += entry->d_name[0] != '.';
	if (d)
		(void)closedir(d);
	return n;
}

static void
test_ends(void)
{
	clear();
	ok(put("a@box.example", (const char *[]){ "b@box.example", NULL }) && run_all(), "one message, one mailbox");
	ok(ends[REPORT_FINISHED] == 1 && files("mail/b/new") == 1 && files("queue/cur") == 0,
	    "is in the Maildir and out of the queue");

	clear();
	ok(put("a@box.example", (const char *[]){ "b@box.example", "c@discard.example", "d@box.example",
	    "e@reject.example", NULL }) && run_all(), "four recipients, three destinations");
	ok(kinds[OUTCOME_DELIVERED] == 3 && kinds[OUTCOME_FAILED] == 1, "three delivered, one failed");
	ok(notices[NOTICE_FAILED] == 1 && ends[REPORT_FINISHED] == 1, "one bounce, and the message is finished");
	ok(files("mail/b/new") == 2 && files("mail/d/new") == 1, "both mailboxes have it");
	ok(files("queue/new") == 1, "the bounce waits in new/");
	clear();
	ok(run_all() && files("mail/a/new") == 1, "and reaches the sender");

	clear();
	ok(put("", (const char *[]){ "e@reject.example", NULL }) && run_all(), "B161 a failing message from <>");
	ok(notices[NOTICE_FAILED] == 0 && ends[REPORT_DEAD] == 1 && files("queue/dead") == 1, "B161 is not bounced but put into dead/");
}

static void
test_many(void)
{
	bool all = true;

	clear();
	for (int i = 0; i < 100; i++)
		all &= put("a@box.example", (const char *[]){ "many@box.example", NULL });
	ok(all && run_all() && files("mail/many/new") == 100, "a hundred messages for one destination");
	ok(ends[REPORT_FINISHED] == 100 && kinds[OUTCOME_DELIVERED] == 100, "each delivered once");
	ok(most_at_once >= 1 && most_at_once <= 3, "never more workers than per-destination");
}

static void
test_crash(void)
{
	clear();
	kill_next = 1;
	ok(put("a@box.example", (const char *[]){ "crash@box.example", NULL }) && run_all(),
	    "R147 a worker is killed before it delivers");
	ok(ends[REPORT_DEFERRED] == 1 && last.cause == CAUSE_LOCAL && files("mail/crash/new") == 0,
	    "R147 its message is deferred, not lost");
	ok(last_due_s % 60 == 0 && last_due_s - clock_wall_s() >= 540 - 2 && last_due_s - clock_wall_s() <= 720,
	    "R145 for retry-min, a tenth more or less, to a full minute");
	ok(queue_next_due(&queue) == last_due_s, "that is when it is due");
	ok(queue_take_due(&queue, clock_wall_s(), true, NULL, NULL) == 1, "R145 it waits");
	clear();
	ok(run_all() && ends[REPORT_FINISHED] == 1 && files("mail/crash/new") == 1, "R147 and arrives with the next try");
}

/* Not one descriptor is left for a pair: nothing is lost, and the log is not filled with it. */
static void
test_no_process(void)
{
	struct rlimit had = { 0 }, none;
	int free_fd = dup(0);

	clear();
	ok(put("a@box.example", (const char *[]){ "later@box.example", NULL }) && queue_take_new(&queue, NULL, NULL) == 1 &&
	    queue_each(&queue, add, NULL) == 0, "a message in line");
	(void)close(free_fd);
	if (getrlimit(RLIMIT_NOFILE, &had) < 0)
		abort();
	none = had;
	none.rlim_cur = (rlim_t)free_fd;
	troubles = 0;
	ok(setrlimit(RLIMIT_NOFILE, &none) == 0, "no more descriptors");
	for (int i = 0; i < 100; i++)
		runner_dispatch(&runner);
	ok(runner.nworkers == 0 && runner.window.nmessages == 1 && troubles == 1, "no process can be started: said once, not at every event");
	ok(setrlimit(RLIMIT_NOFILE, &had) == 0 && run_all() && ends[REPORT_FINISHED] == 1 && files("mail/later/new") == 1,
	    "and when there are some again it goes on");
}

/* Else the next one would be given the same job, and so on, for ever. */
static void
test_untimely_end(void)
{
	clear();
	kill_next = end_well = true;
	ok(put("a@box.example", (const char *[]){ "crash@box.example", NULL }) && run_all() && ends[REPORT_DEFERRED] == 1,
	    "R147 a worker that ends with a job in its hands has tried that, whatever its status");
	end_well = false;
	(void)queue_take_due(&queue, clock_wall_s(), true, NULL, NULL);
	clear();
	ok(run_all() && ends[REPORT_FINISHED] == 1, "R147 it is tried again");
}

static void
test_idle_death(void)
{
	bool all = true;

	clear();
	kill_idle = true;
	for (int i = 0; i < 8; i++)	/* more than there may be workers */
		all &= put("a@box.example", (const char *[]){ "idle@box.example", NULL });
	ok(all && run_all(), "R147 a worker dies between two messages");
	ok(ends[REPORT_FINISHED] == 8 && ends[REPORT_DEFERRED] == 0 && files("mail/idle/new") == 8,
	    "R147 that was no attempt of the next one: all arrive");
}

/* Doubled from retry-min to retry-max, and no two alike. */
static void
test_schedule(void)
{
	const int64_t now_s = INT64_C(1763787773), max_s = (int64_t)config.queue.retry_max_s;
	int64_t delay_s = (int64_t)config.queue.retry_min_s;

	for (unsigned attempts = 0; attempts < 12; attempts++) {
		int64_t least = INT64_MAX, most = 0;

		for (int i = 0; i < 200; i++) {
			int64_t after_s = schedule_retry_s(&config, attempts, now_s) - now_s;

			least = after_s < least ? after_s : least;
			most = after_s > most ? after_s : most;
		}
		ok(least >= delay_s - delay_s / 10 && most <= delay_s + delay_s / 10 + 60 && most - least >= delay_s / 10,
		    "R145 after %u attempts: in %lld s, a tenth more or less", attempts, (long long)delay_s);
		delay_s = delay_s * 2 < max_s ? delay_s * 2 : max_s;
	}
	ok(delay_s == max_s && schedule_retry_s(&config, 9999, now_s) - now_s <= max_s + max_s / 10 + 60, "R145 retry-max stays");
}

/* A single worker, which has jobs ahead of their time as soon as the first is done. */
static void
test_ahead(void)
{
	const uint64_t per_destination = config.relay.per_destination;
	unsigned left;
	bool all = true;

	clear();
	config.relay.per_destination = 1;
	kill_busy = 3;
	for (int i = 0; i < 8; i++)
		all &= put("a@box.example", (const char *[]){ "busy@box.example", NULL });
	ok(all && run_all() && ends[REPORT_FINISHED] + ends[REPORT_DEFERRED] == 8, "R147 a worker with jobs in its hands is killed");
	kill_busy = 0;
	ok(ends[REPORT_DEFERRED] <= 1, "R147 which costs one of them an attempt, at most (%u)", ends[REPORT_DEFERRED]);
	(void)queue_take_due(&queue, clock_wall_s(), true, NULL, NULL);
	ok(run_all() && files("mail/busy/new") >= 8 && files("mail/busy/new") <= 9, "R147 all arrive, one of them twice at most");

	clear();
	stop_at = 2;
	for (int i = 0; i < 8; i++)
		all &= put("a@box.example", (const char *[]){ "stop@box.example", NULL });
	ok(all && !run_all() && runner.nworkers == 0, "a runner is stopped while its worker has more jobs");
	stop_at = 0;
	left = files("queue/cur");
	ok(left >= 5 && left == 8 - files("mail/stop/new"), "what it has not begun stays where it is (%u)", left);
	ok(ends[REPORT_DEFERRED] == 0 && ends[REPORT_FINISHED] == 8 - left, "and was not tried");
	runner_done(&runner);
	runner.stopping = false;
	ok(run_all() && files("mail/stop/new") == 8, "the next run delivers it, once");
	config.relay.per_destination = per_destination;
}

static void
test_expired(void)
{
	uint64_t lifetime_s = config.queue.lifetime_s;

	clear();
	kill_next = 1;
	config.queue.lifetime_s = 0;
	ok(put("late@box.example", (const char *[]){ "crash@box.example", NULL }) && run_all(),
	    "R145 a deferred message older than the lifetime");
	ok(notices[NOTICE_FAILED] == 1 && last.cause == CAUSE_EXPIRED && ends[REPORT_FINISHED] == 1, "R145 is bounced with 5.4.7");
	config.queue.lifetime_s = lifetime_s;
	ok(run_all() && files("mail/late/new") == 1, "R145 and the sender hears of it");
}

static bool
again(void)
{
	clear();
	return queue_take_due(&queue, clock_wall_s(), true, NULL, NULL) > 0 && run_all();
}

/* A route whose login was refused: no attempt, no end of its mail's lifetime, and one word to the operator. */
static void
test_frozen(void)
{
	const struct route *route = config_route(&config, SL("frozen.example"));
	const uint64_t lifetime_s = config.queue.lifetime_s;
	const struct frozen *f;
	struct outcome o;

	clear();
	outcome_set(&o, CAUSE_LOGIN, SL("h"), SL("535 no"));
	f = frozen_add(&runner.frozen, route, &o, clock_wall_s());
	config.queue.lifetime_s = 0;
	ok(f && put("a@box.example", (const char *[]){ "b@frozen.example", "c@box.example", NULL }) &&
	    put("a@box.example", (const char *[]){ "d@frozen.example", NULL }) && run_all(), "two messages for a frozen route");
	ok(most_at_once == 1 && files("mail/c/new") == 1, "only the mailbox has a worker");
	ok(ends[REPORT_DEFERRED] == 2 && last.cause == CAUSE_LOGIN && notices[NOTICE_FAILED] == 0, "nothing is returned, however old it is");
	ok(strstr(last.detail, "the last login was refused by h: 535 no") != NULL, "the reason is that of the last attempt: %s", last.detail);
	ok(last_due_s == f->until_s, "they are due when the route is");
	ok(frozen[true] == 1 && frozen[false] == 0, "the operator hears of it once");
	config.queue.lifetime_s = lifetime_s;
	ok(frozen_remove(&runner.frozen, route) && again() && last.cause == CAUSE_CONNECT, "then it is tried");
	config.queue.lifetime_s = 0;
	ok(again() && notices[NOTICE_FAILED] == 2 && run_all(), "and its mail ages again");
	config.queue.lifetime_s = lifetime_s;
}

/* To a recipient who is deferred whatever happens. */
static bool
put_late(const char *from, const char *notify)
{
	bool there;

	rcpt_params = notify;
	there = put(from, (const char *[]){ "anybody@stuck.example", NULL });
	rcpt_params = "";
	return there;
}

static const struct { const char *from, *notify; unsigned notices; } delays[] = {
	{ "d0", "", 1 }, { "d1", "NOTIFY=DELAY", 1 }, { "d2", "NOTIFY=SUCCESS,FAILURE,DELAY", 1 },
	{ "d3", "NOTIFY=FAILURE", 0 }, { "d4", "NOTIFY=NEVER", 0 }, { "d5", "NOTIFY=SUCCESS", 0 }, { NULL, "NOTIFY=DELAY", 0 },
};
#define DELAYS (sizeof delays / sizeof delays[0])

static bool
put_delays(void)
{
	bool all = true;
	char from[64];

	for (size_t i = 0; i < DELAYS; i++) {
		(void)snprintf(from, sizeof from, "%s@box.example", delays[i].from ? delays[i].from : "");
		all &= put_late(delays[i].from ? from : "", delays[i].notify);
	}
	return all;
}

static void
test_delayed(void)
{
	const uint64_t warn_after_s = config.queue.warn_after_s, lifetime_s = config.queue.lifetime_s;

	clear();
	config.queue.warn_after_s = 60;
	ok(put_delays() && run_all() && ends[REPORT_DEFERRED] == DELAYS && notices[NOTICE_DELAYED] == 0, "B162 not late yet: no notice of delay");
	(void)usleep(1100000);
	config.queue.warn_after_s = 0;
	ok(again() && ends[REPORT_DEFERRED] == DELAYS && notices[NOTICE_DELAYED] == 0, "B162 warn-after = 0: never");
	config.queue.warn_after_s = 1;
	ok(again() && ends[REPORT_DEFERRED] == DELAYS && notices[NOTICE_DELAYED] == 3 && notices[NOTICE_FAILED] == 0, "B162 late: notices of delay");
	clear();
	ok(run_all() && ends[REPORT_FINISHED] == 3, "which are delivered");
	for (size_t i = 0; i < DELAYS; i++)
		if (delays[i].from)
			ok(files("mail/%s/new", delays[i].from) == delays[i].notices, "B162 late: \"%s\"", delays[i].notify);
	ok(again() && ends[REPORT_DEFERRED] == DELAYS && notices[NOTICE_DELAYED] == 0 && files("queue/new") == 0, "B162 no second notice");
	config.queue.lifetime_s = 0;
	ok(put_late("d6@box.example", "") && again() && notices[NOTICE_FAILED] == 4 && ends[REPORT_DEFERRED] == 0 && notices[NOTICE_DELAYED] == 0,
	    "B162 when the lifetime is over, a notice of failure and none of delay");
	config.queue.lifetime_s = lifetime_s;
	config.queue.warn_after_s = warn_after_s;
	clear();
	ok(run_all() && ends[REPORT_FINISHED] == 4 && files("mail/d6/new") == 1, "and these arrive, too");
}

static const struct { const char *name, *from, *notify, *to; unsigned notices; } successes[] = {
	{ "B162 NOTIFY=SUCCESS, a mailbox", "s0@box.example", "NOTIFY=SUCCESS,FAILURE", "told@box.example", 1 },
	{ "B162 no NOTIFY", "s0@box.example", "", "told@box.example", 0 },
	{ "B162 NOTIFY=NEVER", "s0@box.example", "NOTIFY=NEVER", "told@box.example", 0 },
	{ "B162 NOTIFY=FAILURE", "s0@box.example", "NOTIFY=FAILURE,DELAY", "told@box.example", 0 },
	{ "B161 the null sender", "", "NOTIFY=SUCCESS", "told@box.example", 0 },
	{ "B162 NOTIFY=SUCCESS, which fails", "s0@box.example", "NOTIFY=SUCCESS", "told@reject.example", 0 },
};

static void
test_success(void)
{
	for (size_t i = 0; i < sizeof successes / sizeof successes[0]; i++) {
		bool there;

		there = run_all();	/* the notice of the one before */
		clear();
		rcpt_params = successes[i].notify;
		there &= put(successes[i].from, (const char *[]){ successes[i].to, NULL });
		rcpt_params = "";
		ok(there && run_all() && ends[REPORT_FINISHED] == 1 && notices[NOTICE_DELIVERED] == successes[i].notices &&
		    notices[NOTICE_FAILED] + notices[NOTICE_RELAYED] == 0, "%s", successes[i].name);
	}
	ok(files("mail/s0/new") == 1, "B162 and it reaches the sender");
}

/* A notice about one recipient while another is deferred, and after a crash in between. */
static void
test_success_once(void)
{
	static const char *const both[] = { "there@box.example", "anybody@stuck.example", NULL };
	char path[300];
	bool there;
	int fd;

	clear();
	rcpt_params = "NOTIFY=SUCCESS";
	there = put("s1@box.example", both);
	rcpt_params = "";
	ok(there && run_all() && ends[REPORT_DEFERRED] == 1 && notices[NOTICE_DELIVERED] == 1,
	    "B162 the sender is told of one recipient though another is deferred");
	ok(again() && notices[NOTICE_DELIVERED] == 0 && ends[REPORT_DEFERRED] == 1, "B162 and not again with each attempt");
	(void)snprintf(path, sizeof path, "%s/queue/wait/%lld/%s", folder, (long long)last_due_s, last_id);
	fd = open(path, O_RDWR);
	ok(mark_first(fd, 'D', 'S') && again() && notices[NOTICE_DELIVERED] == 1, "R147 B162 a crash before the notice: told in the next run");
	close(fd);
	(void)snprintf(path, sizeof path, "%s/queue/wait/%lld/%s", folder, (long long)last_due_s, last_id);
	fd = open(path, O_RDWR);
	ok(mark_first(fd, 'P', 'D') && mark_first(fd, 'D', 'R') && again() && notices[NOTICE_RELAYED] == 1 && ends[REPORT_DEFERRED] == 0,
	    "R147 B162 the same of what was relayed, and nothing else to do");
	close(fd);
	ok(run_all() && files("mail/s1/new") == 3 && files("mail/there/new") == 1, "B162 these arrive, and the mail itself once");
}

/* FUTURERELEASE (RFC 4865). */
static void
test_hold(void)
{
	static const struct { const char *params; int64_t after_s; } cases[] = {
		{ "", 0 }, { "HOLDFOR=3600", 3600 }, { "RET=HDRS holdfor=60", 60 }, { "HOLDUNTIL=1970-01-01T01:00:00Z", 0 },
		{ "HOLDUNTIL=2025-11-22T05:02:53+00:00", 0 }, { "HOLDUNTIL=2025-11-22T06:02:53Z", 3600 },
		{ "HOLDUNTIL=2099-11-22T06:02:53Z", SMTP_HOLD_MAX_S }, { "HOLDFOR=99999999", 0 }, { "HOLDFOR=x", 0 },
	};
	char due[64];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct queue_entry e = { .arrived_us = INT64_C(1763787773) * 1000000, .from_params = slice_str(cases[i].params) };

		ok(schedule_release_s(&e) == INT64_C(1763787773) + cases[i].after_s, "held: \"%s\"", cases[i].params);
	}
	clear();
	from_params = "HOLDFOR=3600";
	ok(put("a@box.example", (const char *[]){ "held@box.example", NULL }) && run_all(), "a message with HOLDFOR");
	ok(ends[REPORT_DEFERRED] == 1 && files("mail/held/new") == 0 && files("queue/cur") == 0, "is not delivered, but waits");
	(void)snprintf(due, sizeof due, "queue/wait/%lld", (long long)queue_next_due(&queue));
	ok(files("%s", due) == 1 && queue_next_due(&queue) >= clock_wall_s() + 3500 && queue_next_due(&queue) <= clock_wall_s() + 3720,
	    "until it is due");
	ok(queue_take_due(&queue, clock_wall_s(), true, NULL, NULL) == 1 && run_all() && ends[REPORT_DEFERRED] == 2 &&
	    files("mail/held/new") == 0, "--flush does not change that");
	from_params = "HOLDUNTIL=2020-01-01T00:00:00Z";
	ok(put("a@box.example", (const char *[]){ "past@box.example", NULL }) && run_all() && files("mail/past/new") == 1,
	    "a time that has passed holds nothing");
	from_params = "";
}

/* With these parameters of MAIL, to somebody who is deferred whatever happens. */
static bool
put_by(const char *from, const char *by)
{
	bool there;

	from_params = by;
	there = put_late(from, "");
	from_params = "";
	return there;
}

/* DELIVERBY (RFC 2852), mode R. */
static void
test_give_back(void)
{
	clear();
	ok(put_by("r0@box.example", "BY=300;R") && run_all() && ends[REPORT_DEFERRED] == 1, "DELIVERBY mode R: while there is time it is tried");
	ok(last_due_s - clock_wall_s() <= 300 && last_due_s > clock_wall_s() + 200, "the sender's time is not slept through");
	ok(age_waiting(301) && again() && notices[NOTICE_FAILED] == 1 && last.cause == CAUSE_DEADLINE &&
	    strcmp(last.status, "5.4.7") == 0 && ends[REPORT_FINISHED] == 1, "DELIVERBY mode R: the time is over, it is given back");
	ok(run_all() && files("mail/r0/new") == 1, "to the sender");
	from_params = "BY=300;R";
	clear();
	ok(put("r1@box.example", (const char *[]){ "intime@box.example", NULL }) && age(300, "new/%s", put_id) && run_all() &&
	    notices[NOTICE_FAILED] == 1 && files("mail/intime/new") == 0, "DELIVERBY mode R: nobody gets it too late");
	from_params = "HOLDFOR=3600 BY=300;R";
	clear();
	ok(put("r2@box.example", (const char *[]){ "intime@box.example", NULL }) && run_all() && last_due_s - clock_wall_s() <= 300,
	    "DELIVERBY mode R: counts from when it came, held or not");
	ok(age_waiting(301) && again() && notices[NOTICE_FAILED] == 1 && files("mail/intime/new") == 0, "which then is given back");
	from_params = "BY=3600;R";
	ok(put("r3@box.example", (const char *[]){ "intime@box.example", NULL }) && run_all() && files("mail/intime/new") == 1, "in time it is there");
	from_params = "";
	clear();
	ok(put_by("", "BY=300;R") && age(300, "new/%s", put_id) && run_all() && notices[NOTICE_FAILED] == 0 && ends[REPORT_DEAD] == 1,
	    "B161 DELIVERBY mode R: to nobody");
}

/* Mode N. */
static void
test_by_notice(void)
{
	clear();
	ok(put_by("n0@box.example", "BY=300;N") && run_all() && notices[NOTICE_DELAYED] == 0 && last_due_s - clock_wall_s() <= 300,
	    "DELIVERBY mode N: no notice before the time");
	ok(age_waiting(301) && again() && notices[NOTICE_DELAYED] == 1, "DELIVERBY mode N: then one, and it is still tried");
	ok(strcmp(last_delayed, "n0@box.example") == 0, "to who has asked");
	ok(again() && notices[NOTICE_DELAYED] == 0, "DELIVERBY mode N: once");
	ok(run_all() && files("mail/n0/new") == 1, "which arrives");
	clear();
	ok(put_by("n1@box.example", "BY=-5;N") && put_by("", "BY=300;N") && age(301, "new/%s", put_id) && run_all() &&
	    ends[REPORT_DEFERRED] == 2 && notices[NOTICE_DELAYED] == 0, "DELIVERBY mode N: none where it was over before, nor to <>");
	rcpt_params = "NOTIFY=FAILURE";
	from_params = "BY=300;N";
	clear();
	ok(put("n2@box.example", (const char *[]){ "anybody@stuck.example", NULL }) && age(301, "new/%s", put_id) && run_all() &&
	    notices[NOTICE_DELAYED] == 0, "B162 DELIVERBY mode N: NOTIFY without DELAY");
	from_params = rcpt_params = "";
}

int
main(void)
{
	char command[300];

	if (!ok(set_up(), "set-up"))
		return tap_done();
	test_ends();
	test_many();
	test_crash();
	test_no_process();
	test_untimely_end();
	test_idle_death();
	test_ahead();
	test_schedule();
	test_expired();
	test_frozen();
	test_delayed();
	test_success();
	test_success_once();
	test_hold();
	test_give_back();
	test_by_notice();
	ok(files("queue/tmp") + files("queue/new") + files("queue/cur") == 0, "nothing is left");
	runner_done(&runner);
	queue_close(&queue);
	config_done(&config);
	(void)snprintf(command, sizeof command, "rm -rf %s", folder);
	ok(system(command) == 0, "clean-up");
	return tap_done();
}
