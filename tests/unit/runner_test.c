// SPDX-License-Identifier: ISC
/*
 * The scheduler with real workers and a real queue in a temporary folder.  poll(2) replaces the
 * event loop.  Routes are Maildirs, discard or reject, so no network is needed.
 */
#include "runner/runner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/aside.h"
#include "runner/admit.h"
#include "runner/frame.h"
#include "runner/schedule.h"
#include "smtp/extension.h"
#include "tests/lib/queue_all.h"
#include "tests/lib/tap.h"
#include "tests/lib/workers.h"

static struct runner runner;
static size_t most_at_once;
static unsigned ends[REPORT_STUCK + 1], notices[NOTICE_KINDS], kinds[3];
static bool unready_next;	/* the next worker cannot begin */
static bool kill_idle;		/* kill the first worker after its first delivery */
static unsigned kill_busy;	/* not 0: kill the first worker after so many deliveries */
static unsigned stop_at;	/* not 0: stop the runner after so many deliveries */
static bool kill_next;		/* kill the next worker for a Maildir after it has got its job */
static pid_t doomed;		/* that worker: it is stopped until it is killed; 0: none */
static bool lie_next;		/* take the place of the next worker at its socket */
static int lies = -1;		/* the test's end of that socket */
static int held_back = -1;	/* the socket of the worker itself */
static bool end_well;		/* a killed worker has exit status 0 */
static struct outcome last;

static int64_t last_due_s;
static char put_id[QUEUE_ID_SIZE], last_id[QUEUE_ID_SIZE], last_delayed[100];
static unsigned troubles;
static unsigned frozen[2];	/* reports of a route that works again, that is frozen */

int __real_delivery_confine(struct delivery *d, struct dns_resolver *known);
int __wrap_delivery_confine(struct delivery *d, struct dns_resolver *known);

int
__wrap_delivery_confine(struct delivery *d, struct dns_resolver *known)
{
	return unready_next ? -EAGAIN : __real_delivery_confine(d, known);
}

static void
watch_started(void *ctx, struct worker *w)
{
	workers_started(ctx, w);
	if (nstarted > most_at_once)
		most_at_once = nstarted;
	if (lie_next) {
		int pair[2];

		lie_next = false;
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) < 0)
			abort();
		/* The worker itself gets no job, and waits until it is killed. */
		held_back = dup(w->fd);
		(void)dup2(pair[0], w->fd);
		close(pair[0]);
		lies = pair[1];
	}
	unready_next = false;		/* the worker has its own copy */
	if (kill_next && w->destination->route->via == VIA_MAILDIR) {
		siginfo_t info;

		kill_next = false;
		doomed = w->pid;
		/* A stopped worker cannot deliver before the kill. */
		(void)kill(w->pid, SIGSTOP);
		(void)waitid(P_PID, (id_t)w->pid, &info, WSTOPPED);
	}
}

/* A worker that is dead before its job is sent has not tried it: the next worker gets the job. */
static void
kill_doomed(void)
{
	if (doomed)
		(void)kill(doomed, SIGKILL);
	doomed = 0;
}

static void
heard_rcpt(const struct outcome *o)
{
	siginfo_t info;

	if (kill_idle) {
		kill_idle = false;
		/* After this time the worker waits for its next job. */
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
	case REPORT_TLS_LOST:
		printf("# TLS lost: %s\n", e->tls_lost->name);
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
		directory, maildir, "server.hostname=mail.example",
		"route discard.example.via=discard",
		"route reject.example.via=reject:not here",
		"route stuck.example.via=maildir:/dev/null/{local}",
		"route frozen.example.via=smtp://127.0.0.1:1",
		"relay.per-destination=3", "queue.retry-min=10min",
	};
	const size_t n = sizeof overrides / sizeof overrides[0];
	struct config_report report = { report_error, NULL };

	if (!mkdtemp(folder))
		return false;
	(void)snprintf(directory, sizeof directory, "queue.directory=%s/queue", folder);
	(void)snprintf(maildir, sizeof maildir, "route box.example.via=maildir:%s/mail/{local}",
	    folder);
	if (config_load(&config, "/dev/null", overrides, n, &report) < 0 ||
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
	char ids[1][QUEUE_ID_SIZE];

	(void)snprintf(ids[0], sizeof ids[0], "%s", id);
	(void)ctx;
	(void)admit_messages(&runner, ids, 1, true);
	return true;
}

/* Deliver new/, and the notices that result.  Returns false if that does not end in time. */
static bool
run_all(void)
{
	int64_t end_ms = clock_ms() + 20000;

	(void)queue_take_new(&queue, NULL, NULL);
	(void)queue_each(&queue, add, NULL);
	do {
		runner_dispatch(&runner);
		kill_doomed();
		runner_turn(&runner);
		if (runner.nworkers == 0 && (runner.window.nmessages == 0 || runner.stopping))
			return !runner.stopping;
		workers_turn(&runner, 20, end_well);
	} while (clock_ms() < end_ms);
	return false;
}

/* Change the first recipient in state `from` to state `to`, as if a run had ended after that. */
static bool
mark_first(int fd, char from, char to)
{
	char text[2000] = "", line[4] = { '\n', from, ' ', '<' }, *at;

	if (pread(fd, text, sizeof text - 1, 0) <= 0 ||
	    !(at = memmem(text, sizeof text, line, sizeof line)))
		return false;
	return pwrite(fd, &to, 1, at + 1 - text) == 1;
}

/* Make a message in wait/ or new/ older by so many seconds. */
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
	(void)snprintf(digits, sizeof digits, "%010lld",
	    strtoll(at, NULL, 10) - (long long)seconds);
	done = pwrite(fd, digits, 10, at - text) == 10;
	close(fd);
	return done;
}

static bool
age_waiting(int64_t seconds)
{
	return age(seconds, "wait/%lld/%s", (long long)last_due_s, last_id);
}

/* The same with the message of the last put(), wherever in wait/ it is.  A flush defers others,
 * too. */
static bool
age_put(int64_t seconds)
{
	char pattern[400];
	glob_t found;
	bool done;

	(void)snprintf(pattern, sizeof pattern, "%s/queue/wait/*/%s", folder, put_id);
	if (glob(pattern, 0, NULL, &found) != 0)
		return false;
	done = found.gl_pathc == 1 &&
	    age(seconds, "%s", found.gl_pathv[0] + strlen(folder) + strlen("/queue/"));
	globfree(&found);
	return done;
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
	static const char *const four[] = { "b@box.example", "c@discard.example", "d@box.example",
		"e@reject.example", NULL };

	clear();
	ok(put("a@box.example", (const char *[]){ "b@box.example", NULL }) && run_all(),
	    "one message, one mailbox");
	ok(ends[REPORT_FINISHED] == 1 && files("mail/b/new") == 1 && files("queue/cur") == 0,
	    "one message is in the Maildir and out of the queue");

	clear();
	ok(put("a@box.example", four) && run_all(), "four recipients, three destinations");
	ok(kinds[OUTCOME_DELIVERED] == 3 && kinds[OUTCOME_FAILED] == 1,
	    "three recipients are delivered, one failed");
	ok(notices[NOTICE_FAILED] == 1 && ends[REPORT_FINISHED] == 1,
	    "one bounce, and the message is finished");
	ok(files("mail/b/new") == 2 && files("mail/d/new") == 1, "both mailboxes have the message");
	ok(files("queue/new") == 1, "the bounce waits in new/");
	clear();
	ok(run_all() && files("mail/a/new") == 1, "the bounce reaches the sender");

	clear();
	ok(put("", (const char *[]){ "e@reject.example", NULL }) && run_all(),
	    "B161 a failing message from <>");
	ok(notices[NOTICE_FAILED] == 0 && ends[REPORT_DEAD] == 1 && files("queue/dead") == 1,
	    "B161 V51 a failing message from <> goes to dead/, without a bounce");
}

static void
test_many(void)
{
	bool all = true;

	clear();
	for (int i = 0; i < 100; i++)
		all &= put("a@box.example", (const char *[]){ "many@box.example", NULL });
	ok(all && run_all() && files("mail/many/new") == 100,
	    "a hundred messages for one destination");
	ok(ends[REPORT_FINISHED] == 100 && kinds[OUTCOME_DELIVERED] == 100,
	    "each of a hundred messages is delivered once");
	ok(most_at_once >= 1 && most_at_once <= 3, "never more workers than per-destination");
}

static void
test_crash(void)
{
	clear();
	kill_next = true;
	ok(put("a@box.example", (const char *[]){ "crash@box.example", NULL }) && run_all(),
	    "R147 a worker is killed before it delivers");
	ok(ends[REPORT_DEFERRED] == 1 && last.cause == CAUSE_LOCAL && files("mail/crash/new") == 0,
	    "R147 its message is deferred, not lost");
	ok(last_due_s % 60 == 0 && last_due_s - clock_wall_s() >= 540 - 2 &&
		last_due_s - clock_wall_s() <= 720,
	    "R145 deferred for retry-min, a tenth more or less, to a full minute");
	ok(queue_next_due(&queue) == last_due_s, "a deferred message is due at that time");
	ok(queue_take_due(&queue, clock_wall_s(), true, NULL, NULL) == 1,
	    "R145 a deferred message waits");
	clear();
	ok(run_all() && ends[REPORT_FINISHED] == 1 && files("mail/crash/new") == 1,
	    "R147 a deferred message is delivered by the next attempt");
}

/* No descriptor is left for a pair: nothing is lost, and there is one report. */
static void
test_no_process(void)
{
	struct rlimit had = { 0 }, none;
	int free_fd = dup(0);

	clear();
	ok(put("a@box.example", (const char *[]){ "later@box.example", NULL }) &&
		queue_take_new(&queue, NULL, NULL) == 1 && queue_each(&queue, add, NULL) == 0,
	    "a message in the window");
	(void)close(free_fd);
	if (getrlimit(RLIMIT_NOFILE, &had) < 0)
		abort();
	none = had;
	none.rlim_cur = (rlim_t)free_fd;
	troubles = 0;
	ok(setrlimit(RLIMIT_NOFILE, &none) == 0, "no more descriptors");
	for (int i = 0; i < 100; i++)
		runner_dispatch(&runner);
	ok(runner.nworkers == 0 && runner.window.nmessages == 1 && troubles == 1,
	    "no process can be started: one report");
	ok(setrlimit(RLIMIT_NOFILE, &had) == 0 && run_all() && ends[REPORT_FINISHED] == 1 &&
		files("mail/later/new") == 1,
	    "with descriptors again the message is delivered");
}

/* A worker that dies with a job has tried it.  Else every worker would get that job. */
static void
test_untimely_end(void)
{
	clear();
	kill_next = end_well = true;
	ok(put("a@box.example", (const char *[]){ "crash@box.example", NULL }) && run_all() &&
		ends[REPORT_DEFERRED] == 1,
	    "R147 a worker that ends with a job has tried it, whatever its status");
	end_well = false;
	(void)queue_take_due(&queue, clock_wall_s(), true, NULL, NULL);
	clear();
	ok(run_all() && ends[REPORT_FINISHED] == 1, "R147 the job of a dead worker is tried again");
}

/* A message whose workers die may be what kills them. */
static void
test_three_deaths(void)
{
	const unsigned dead = files("queue/dead");

	clear();
	kill_next = true;
	ok(put("a@box.example", (const char *[]){ "crash@box.example", NULL }) && run_all() &&
		ends[REPORT_DEFERRED] == 1,
	    "one worker dies with the message: it waits");
	for (int i = 2; i <= QUEUE_DEATHS_MAX; i++) {
		clear();
		kill_next = true;
		(void)queue_take_due(&queue, clock_wall_s(), true, NULL, NULL);
		ok(put("a@box.example", (const char *[]){ "beside@discard.example", NULL }) &&
			run_all(),
		    "worker %d dies with the message", i);
	}
	ok(ends[REPORT_ASIDE] == 1 && ends[REPORT_DEFERRED] == 0 && notices[NOTICE_FAILED] == 0,
	    "after the third death the message is put aside");
	ok(files("queue/dead") == dead + 2 && files("queue/dead/why") == 1 &&
		files("queue/cur") == 0,
	    "it is in dead/ with its reason");
	ok(ends[REPORT_FINISHED] == 1, "its neighbour is delivered meanwhile");
}

/* The system has no process left for a worker. */
static void
test_unready(void)
{
	clear();
	unready_next = true;
	ok(put("a@box.example", (const char *[]){ "ready@box.example", NULL }) && run_all() &&
		!unready_next,
	    "a worker cannot begin");
	ok(ends[REPORT_FINISHED] == 1 && ends[REPORT_DEFERRED] == 0 &&
		files("mail/ready/new") == 1,
	    "that was no attempt and no death: the next one delivers");
}

static void
test_idle_death(void)
{
	bool all = true;

	clear();
	kill_idle = true;
	for (int i = 0; i < 8; i++)	/* more than the most workers */
		all &= put("a@box.example", (const char *[]){ "idle@box.example", NULL });
	ok(all && run_all(), "R147 a worker dies between two messages");
	ok(ends[REPORT_FINISHED] == 8 && ends[REPORT_DEFERRED] == 0 && files("mail/idle/new") == 8,
	    "R147 the death was no attempt of the next message: all arrive");
}

/* The delay doubles from retry-min to retry-max, a tenth more or less. */
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
		ok(least >= delay_s - delay_s / 10 && most <= delay_s + delay_s / 10 + 60 &&
			most - least >= delay_s / 10,
		    "R145 V34 after %u attempts: in %lld s, a tenth more or less", attempts,
		    (long long)delay_s);
		delay_s = delay_s * 2 < max_s ? delay_s * 2 : max_s;
	}
	ok(delay_s == max_s &&
		schedule_retry_s(&config, 9999, now_s) - now_s <= max_s + max_s / 10 + 60,
	    "R145 V34 retry-max is the limit");
	for (uint64_t min_s = 1; min_s <= 3; min_s++) {
		const struct config c = { .queue = { .retry_min_s = min_s, .retry_max_s = 9 } };
		int64_t least = INT64_MAX;

		for (int64_t at_s = now_s; at_s < now_s + 60; at_s++) {
			const int64_t after_s = schedule_retry_s(&c, 0, at_s) - at_s;

			least = after_s < least ? after_s : least;
		}
		ok(least > (int64_t)min_s, "never before %llu s are over, from the end of a second",
		    (unsigned long long)min_s);
	}
}

static const struct lie {
	const char *what;
	struct frame frame;		/* rcpt 0: the only one of its job */
	size_t n;			/* octets that are sent; 0: the whole frame */
	unsigned finished;
} lie_table[] = {
	{ "octets that are no frame", { .type = FRAME_RCPT }, 3, 0 },
	{ "a type that is none", { .type = (enum frame_type)99 }, 0, 0 },
	{ "a job", { .type = FRAME_JOB, .job = { .id = "0123456789ABCDEF", .n = 1 } }, 0, 0 },
	{ "a recipient of another job", {
		.type = FRAME_RCPT, .rcpt = { .rcpt = 1, .last = true, .path = "c@box.example",
		    .outcome = { .kind = OUTCOME_DELIVERED, .status = "2.0.0" } },
	}, 0, 0 },
	{ "a recipient that is none", {
		.type = FRAME_RCPT, .rcpt = { .rcpt = UINT32_MAX, .last = true, .path = "d@box.ex",
		    .outcome = { .kind = OUTCOME_DELIVERED, .status = "2.0.0" } },
	}, 0, 0 },
	{ "the truth", {
		.type = FRAME_RCPT, .rcpt = { .rcpt = 0, .last = true, .path = "b@box.example",
		    .outcome = { .kind = OUTCOME_DELIVERED, .status = "2.0.0" } },
	}, 0, 1 },
};

/* The worker has its job.  It sends a frame, and behind that a valid end of the job. */
static void
tell_lie(const struct lie *lie)
{
	const struct frame done = { .type = FRAME_DONE };

	runner_dispatch(&runner);
	if (lie->n)
		(void)send(lies, &lie->frame, lie->n, 0);
	else
		(void)frame_put(lies, &lie->frame);
	if (!lie->finished)
		(void)frame_put(lies, &done);
}

/* A worker may be taken over by the host that it talks to. */
static void
test_lies(void)
{
	const uint64_t per_destination = config.relay.per_destination;

	config.relay.per_destination = 1;
	for (size_t i = 0; i < sizeof lie_table / sizeof lie_table[0]; i++) {
		const struct lie *lie = &lie_table[i];

		clear();
		troubles = 0;
		lie_next = true;
		(void)put("a@box.example", (const char *[]){ "b@box.example", "c@discard.example",
		    NULL });
		(void)queue_take_new(&queue, NULL, NULL);
		(void)queue_each(&queue, add, NULL);
		tell_lie(lie);
		if (lie->finished)
			close(held_back);
		ok(run_all() && troubles == !lie->finished &&
			ends[REPORT_FINISHED] == lie->finished &&
			ends[REPORT_DEFERRED] == !lie->finished,
		    "a worker sends %s: %s", lie->what,
		    lie->finished ? "it is taken" : "it is killed, and its job counts as tried");
		close(lies);
		if (!lie->finished)
			close(held_back);
		(void)queue_take_due(&queue, clock_wall_s(), true, NULL, NULL);
		ok(run_all(), "the message of a killed worker is tried again");
	}
	config.relay.per_destination = per_destination;
}

/* A single worker, which holds more jobs than the current one. */
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
	ok(all && run_all() && ends[REPORT_FINISHED] + ends[REPORT_DEFERRED] == 8,
	    "R147 a worker with several jobs is killed");
	kill_busy = 0;
	ok(ends[REPORT_DEFERRED] <= 1, "R147 the death costs one attempt at most (%u)",
	    ends[REPORT_DEFERRED]);
	(void)queue_take_due(&queue, clock_wall_s(), true, NULL, NULL);
	ok(run_all() && files("mail/busy/new") >= 8 && files("mail/busy/new") <= 9,
	    "R147 all messages arrive, one twice at most");

	clear();
	stop_at = 2;
	for (int i = 0; i < 8; i++)
		all &= put("a@box.example", (const char *[]){ "stop@box.example", NULL });
	ok(all && !run_all() && runner.nworkers == 0,
	    "a runner is stopped while its worker has more jobs");
	stop_at = 0;
	left = files("queue/cur");
	ok(left >= 1 && left == 8 - files("mail/stop/new"),
	    "messages without an attempt stay in cur/ (%u)", left);
	ok(ends[REPORT_DEFERRED] == 0 && ends[REPORT_FINISHED] == 8 - left,
	    "messages without an attempt are not deferred");
	runner_done(&runner);
	runner.stopping = false;
	ok(run_all() && files("mail/stop/new") == 8, "the next run delivers each of them once");
	config.relay.per_destination = per_destination;
}

static void
test_expired(void)
{
	uint64_t lifetime_s = config.queue.lifetime_s;

	clear();
	kill_next = true;
	config.queue.lifetime_s = 0;
	ok(put("late@box.example", (const char *[]){ "crash@box.example", NULL }) && run_all(),
	    "R145 a deferred message older than the lifetime");
	ok(notices[NOTICE_FAILED] == 1 && last.cause == CAUSE_EXPIRED && ends[REPORT_FINISHED] == 1,
	    "R145 a message older than the lifetime is bounced with 5.4.7");
	config.queue.lifetime_s = lifetime_s;
	ok(run_all() && files("mail/late/new") == 1, "R145 the sender gets the bounce");
}

static bool
again(void)
{
	clear();
	return queue_take_due(&queue, clock_wall_s(), true, NULL, NULL) > 0 && run_all();
}

/* A route whose login was refused: no attempt, no message expires, one report to the operator. */
static void
test_frozen(void)
{
	static const char *const two[] = { "b@frozen.example", "c@box.example", NULL };
	const struct route *route = config_route(&config, SL("frozen.example"));
	const uint64_t lifetime_s = config.queue.lifetime_s;
	const struct frozen *f;
	struct outcome o;

	clear();
	outcome_set(&o, CAUSE_LOGIN, SL("h"), SL("535 no"));
	f = frozen_add(&runner.frozen, route, &o, clock_wall_s());
	config.queue.lifetime_s = 0;
	ok(f && put("a@box.example", two) &&
		put("a@box.example", (const char *[]){ "d@frozen.example", NULL }) && run_all(),
	    "two messages for a frozen route");
	ok(most_at_once == 1 && files("mail/c/new") == 1, "only the mailbox has a worker");
	ok(ends[REPORT_DEFERRED] == 2 && last.cause == CAUSE_LOGIN && notices[NOTICE_FAILED] == 0,
	    "V35 no message of a frozen route expires");
	ok(strstr(last.detail, "the last login was refused by h: 535 no") != NULL,
	    "the reason is the one of the last attempt: %s", last.detail);
	ok(last_due_s == f->until_s, "messages are due when the route thaws");
	ok(frozen[true] == 1 && frozen[false] == 0, "the operator gets one report");
	config.queue.lifetime_s = lifetime_s;
	ok(frozen_remove(&runner.frozen, route) && again() && last.cause == CAUSE_CONNECT,
	    "after the freeze the route is tried");
	config.queue.lifetime_s = 0;
	ok(again() && notices[NOTICE_FAILED] == 2 && run_all(),
	    "after the freeze its messages expire");
	config.queue.lifetime_s = lifetime_s;
}

/* A message to a recipient that is always deferred. */
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
	{ .from = "d0", .notify = "", .notices = 1 },
	{ .from = "d1", .notify = "NOTIFY=DELAY", .notices = 1 },
	{ .from = "d2", .notify = "NOTIFY=SUCCESS,FAILURE,DELAY", .notices = 1 },
	{ .from = "d3", .notify = "NOTIFY=FAILURE", .notices = 0 },
	{ .from = "d4", .notify = "NOTIFY=NEVER", .notices = 0 },
	{ .from = "d5", .notify = "NOTIFY=SUCCESS", .notices = 0 },
	{ .from = NULL, .notify = "NOTIFY=DELAY", .notices = 0 },
};
#define DELAYS (sizeof delays / sizeof delays[0])

static bool
put_delays(void)
{
	bool all = true;
	char from[64];

	for (size_t i = 0; i < DELAYS; i++) {
		(void)snprintf(from, sizeof from, "%s@box.example",
		    delays[i].from ? delays[i].from : "");
		all &= put_late(delays[i].from ? from : "", delays[i].notify);
	}
	return all;
}

static void
test_delayed(void)
{
	const uint64_t warn_after_s = config.queue.warn_after_s;
	const uint64_t lifetime_s = config.queue.lifetime_s;

	clear();
	config.queue.warn_after_s = 60;
	ok(put_delays() && run_all() && ends[REPORT_DEFERRED] == DELAYS &&
		notices[NOTICE_DELAYED] == 0,
	    "B162 before warn-after: no notice of delay");
	(void)usleep(1100000);
	config.queue.warn_after_s = 0;
	ok(again() && ends[REPORT_DEFERRED] == DELAYS && notices[NOTICE_DELAYED] == 0,
	    "B162 warn-after = 0: no notice of delay");
	config.queue.warn_after_s = 1;
	ok(again() && ends[REPORT_DEFERRED] == DELAYS && notices[NOTICE_DELAYED] == 3 &&
		notices[NOTICE_FAILED] == 0,
	    "B162 after warn-after: notices of delay");
	clear();
	ok(run_all() && ends[REPORT_FINISHED] == 3, "the notices of delay are delivered");
	for (size_t i = 0; i < DELAYS; i++)
		if (delays[i].from)
			ok(files("mail/%s/new", delays[i].from) == delays[i].notices,
			    "B162 after warn-after: \"%s\"", delays[i].notify);
	ok(again() && ends[REPORT_DEFERRED] == DELAYS && notices[NOTICE_DELAYED] == 0 &&
		files("queue/new") == 0,
	    "B162 no second notice of delay");
	config.queue.lifetime_s = 0;
	ok(put_late("d6@box.example", "") && again() && notices[NOTICE_FAILED] == 4 &&
		ends[REPORT_DEFERRED] == 0 && notices[NOTICE_DELAYED] == 0,
	    "B162 after the lifetime: a notice of failure and none of delay");
	config.queue.lifetime_s = lifetime_s;
	config.queue.warn_after_s = warn_after_s;
	clear();
	ok(run_all() && ends[REPORT_FINISHED] == 4 && files("mail/d6/new") == 1,
	    "the notices of failure are delivered");
}

static const struct { const char *name, *from, *notify, *to; unsigned notices; } successes[] = {
	{ .name = "B162 NOTIFY=SUCCESS, a mailbox", .from = "s0@box.example",
	    .notify = "NOTIFY=SUCCESS,FAILURE", .to = "told@box.example", .notices = 1 },
	{ .name = "B162 no NOTIFY", .from = "s0@box.example", .notify = "",
	    .to = "told@box.example", .notices = 0 },
	{ .name = "B162 NOTIFY=NEVER", .from = "s0@box.example", .notify = "NOTIFY=NEVER",
	    .to = "told@box.example", .notices = 0 },
	{ .name = "B162 NOTIFY=FAILURE", .from = "s0@box.example", .notify = "NOTIFY=FAILURE,DELAY",
	    .to = "told@box.example", .notices = 0 },
	{ .name = "B161 the null sender", .from = "", .notify = "NOTIFY=SUCCESS",
	    .to = "told@box.example", .notices = 0 },
	{ .name = "B162 NOTIFY=SUCCESS, a recipient that fails", .from = "s0@box.example",
	    .notify = "NOTIFY=SUCCESS", .to = "told@reject.example", .notices = 0 },
};

static void
test_success(void)
{
	for (size_t i = 0; i < sizeof successes / sizeof successes[0]; i++) {
		bool there;

		there = run_all();	/* the notice of the previous row */
		clear();
		rcpt_params = successes[i].notify;
		there &= put(successes[i].from, (const char *[]){ successes[i].to, NULL });
		rcpt_params = "";
		ok(there && run_all() && ends[REPORT_FINISHED] == 1 &&
			notices[NOTICE_DELIVERED] == successes[i].notices &&
			notices[NOTICE_FAILED] + notices[NOTICE_RELAYED] == 0,
		    "%s", successes[i].name);
	}
	ok(files("mail/s0/new") == 1, "B162 the notice of success reaches the sender");
}

/* A notice about one recipient while another is deferred, and after a crash before the notice. */
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
	    "B162 a notice about one recipient while another is deferred");
	ok(again() && notices[NOTICE_DELIVERED] == 0 && ends[REPORT_DEFERRED] == 1,
	    "B162 no second notice after the next attempt");
	(void)snprintf(path, sizeof path, "%s/queue/wait/%lld/%s", folder, (long long)last_due_s,
	    last_id);
	fd = open(path, O_RDWR);
	ok(mark_first(fd, 'D', 'S') && again() && notices[NOTICE_DELIVERED] == 1,
	    "R147 B162 a crash before the notice: the next run sends it");
	close(fd);
	(void)snprintf(path, sizeof path, "%s/queue/wait/%lld/%s", folder, (long long)last_due_s,
	    last_id);
	fd = open(path, O_RDWR);
	ok(mark_first(fd, 'P', 'D') && mark_first(fd, 'D', 'R') && again() &&
		notices[NOTICE_RELAYED] == 1 && ends[REPORT_DEFERRED] == 0,
	    "R147 B162 a crash before the notice about a relayed recipient");
	close(fd);
	ok(run_all() && files("mail/s1/new") == 3 && files("mail/there/new") == 1,
	    "B162 the notices arrive, the message itself once");
}

/* Until when a message waits.  All times are seconds after its arrival. */
static void
test_postpone(void)
{
	static const struct { const char *name; int64_t release_s, now_s, until_s; } cases[] = {
		{ "no time was asked for", 0, 1, 0 },
		{ "no time was asked for, and the clock was a second ahead", 0, -1, 0 },
		{ "no time was asked for, and the clock was a day ahead", 0, -86400, 0 },
		{ "the time is not here", 60, 59, 60 }, { "the time is here", 60, 60, 0 },
		{ "the clock was an hour ahead, and a time was asked for", 60, -3600, 60 },
		{ "the clock was years ahead, and a time was asked for", 60, -SMTP_HOLD_MAX_S, 0 },
	};
	const struct deadline none = { .set = false };
	const int64_t arrived_s = INT64_C(1763787773);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const int64_t until_s = schedule_postpone_s(arrived_s,
		    arrived_s + cases[i].release_s, &none, arrived_s + cases[i].now_s);

		ok(until_s == (cases[i].until_s ? arrived_s + cases[i].until_s : 0), "%s",
		    cases[i].name);
	}
}

/* FUTURERELEASE (RFC 4865). */
static void
test_hold(void)
{
	/* after_s of a message that arrived at the start of a second, late_s late in it. */
	static const struct { const char *params; int64_t after_s, late_s; } cases[] = {
		{ "", 0, 0 }, { "HOLDFOR=3600", 3600, 3601 }, { "RET=HDRS holdfor=60", 60, 61 },
		{ "HOLDUNTIL=1970-01-01T01:00:00Z", 0, 0 },
		{ "HOLDUNTIL=2025-11-22T05:02:53+00:00", 0, 0 },
		{ "HOLDUNTIL=2025-11-22T06:02:53Z", 3600, 3600 },
		{ "HOLDUNTIL=2099-11-22T06:02:53Z", SMTP_HOLD_MAX_S, SMTP_HOLD_MAX_S },
		{ "HOLDFOR=99999999", 0, 0 },
		{ "HOLDFOR=x", 0, 0 },
	};
	char due[64];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct queue_entry e = { .arrived_us = INT64_C(1763787773) * 1000000,
			.from_params = slice_str(cases[i].params) };

		ok(schedule_release_s(&e) == INT64_C(1763787773) + cases[i].after_s, "held: \"%s\"",
		    cases[i].params);
		e.arrived_us += 900000;
		ok(schedule_release_s(&e) == INT64_C(1763787773) + cases[i].late_s,
		    "held, from the end of a second: \"%s\"", cases[i].params);
	}
	clear();
	from_params = "HOLDFOR=3600";
	ok(put("a@box.example", (const char *[]){ "held@box.example", NULL }) && run_all(),
	    "a message with HOLDFOR");
	ok(ends[REPORT_DEFERRED] == 1 && files("mail/held/new") == 0 && files("queue/cur") == 0,
	    "a message with HOLDFOR is not delivered, but waits");
	(void)snprintf(due, sizeof due, "queue/wait/%lld", (long long)queue_next_due(&queue));
	ok(files("%s", due) == 1 && queue_next_due(&queue) >= clock_wall_s() + 3500 &&
		queue_next_due(&queue) <= clock_wall_s() + 3720,
	    "a message with HOLDFOR is due at its time");
	ok(queue_take_due(&queue, clock_wall_s(), true, NULL, NULL) == 1 && run_all() &&
		ends[REPORT_DEFERRED] == 2 && files("mail/held/new") == 0,
	    "--flush does not release a message with HOLDFOR");
	from_params = "HOLDUNTIL=2020-01-01T00:00:00Z";
	ok(put("a@box.example", (const char *[]){ "past@box.example", NULL }) && run_all() &&
		files("mail/past/new") == 1,
	    "a HOLDUNTIL that has passed does not hold");
	from_params = "";
}

/* A message with these parameters of MAIL to a recipient that is always deferred. */
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
	ok(put_by("r0@box.example", "BY=300;R") && run_all() && ends[REPORT_DEFERRED] == 1,
	    "DELIVERBY mode R: before the deadline it is tried");
	ok(last_due_s - clock_wall_s() <= 300 && last_due_s > clock_wall_s() + 200,
	    "DELIVERBY mode R: the next attempt is before the deadline");
	ok(age_waiting(301) && again() && notices[NOTICE_FAILED] == 1 &&
		last.cause == CAUSE_DEADLINE && strcmp(last.status, "5.4.7") == 0 &&
		ends[REPORT_FINISHED] == 1,
	    "DELIVERBY mode R: after the deadline it is bounced");
	ok(run_all() && files("mail/r0/new") == 1,
	    "DELIVERBY mode R: the bounce reaches the sender");
	from_params = "BY=300;R";
	clear();
	ok(put("r1@box.example", (const char *[]){ "intime@box.example", NULL }) &&
		age(300, "new/%s", put_id) && run_all() && notices[NOTICE_FAILED] == 1 &&
		files("mail/intime/new") == 0,
	    "DELIVERBY mode R: no delivery after the deadline");
	from_params = "HOLDFOR=3600 BY=300;R";
	clear();
	ok(put("r2@box.example", (const char *[]){ "intime@box.example", NULL }) && run_all() &&
		last_due_s - clock_wall_s() <= 300,
	    "V46 DELIVERBY mode R: the time counts from the arrival, held or not");
	ok(age_waiting(301) && again() && notices[NOTICE_FAILED] == 1 &&
		files("mail/intime/new") == 0,
	    "V46 DELIVERBY mode R: a held message is bounced after the deadline");
	from_params = "BY=3600;R";
	ok(put("r3@box.example", (const char *[]){ "intime@box.example", NULL }) && run_all() &&
		files("mail/intime/new") == 1,
	    "DELIVERBY mode R: a delivery before the deadline");
	from_params = "";
	clear();
	ok(put_by("", "BY=300;R") && age(300, "new/%s", put_id) && run_all() &&
		notices[NOTICE_FAILED] == 0 && ends[REPORT_DEAD] == 1,
	    "B161 DELIVERBY mode R: no bounce to <>");
}

/* The time passes after warn-after has sent the notice. */
static void
test_by_after_warning(void)
{
	const uint64_t warn_after_s = config.queue.warn_after_s;

	clear();
	config.queue.warn_after_s = 60;
	ok(put_by("n3@box.example", "BY=300;N") && run_all() && age_put(61) && again() &&
		notices[NOTICE_DELAYED] == 1 && age_put(301) && again() &&
		notices[NOTICE_DELAYED] == 0,
	    "V45 DELIVERBY mode N: no notice after the one of warn-after");
	config.queue.warn_after_s = warn_after_s;
}

/* DELIVERBY (RFC 2852), mode N. */
static void
test_by_notice(void)
{
	clear();
	ok(put_by("n0@box.example", "BY=300;N") && run_all() && notices[NOTICE_DELAYED] == 0 &&
		last_due_s - clock_wall_s() <= 300,
	    "DELIVERBY mode N: no notice before the deadline");
	ok(age_waiting(301) && again() && notices[NOTICE_DELAYED] == 1,
	    "V45 DELIVERBY mode N: a notice after the deadline, and more attempts");
	ok(strcmp(last_delayed, "n0@box.example") == 0,
	    "DELIVERBY mode N: the notice is for the sender");
	ok(again() && notices[NOTICE_DELAYED] == 0, "V45 DELIVERBY mode N: no second notice");
	ok(run_all() && files("mail/n0/new") == 1, "DELIVERBY mode N: the notice arrives");
	clear();
	ok(put_by("n1@box.example", "BY=-5;N") && put_by("", "BY=300;N") &&
		age(301, "new/%s", put_id) && run_all() && ends[REPORT_DEFERRED] == 2 &&
		notices[NOTICE_DELAYED] == 0,
	    "V45 DELIVERBY mode N: no notice if the time was over before, nor to <>");
	test_by_after_warning();
	rcpt_params = "NOTIFY=FAILURE";
	from_params = "BY=300;N";
	clear();
	ok(put("n2@box.example", (const char *[]){ "anybody@stuck.example", NULL }) &&
		age(301, "new/%s", put_id) && run_all() && notices[NOTICE_DELAYED] == 0,
	    "B162 DELIVERBY mode N: NOTIFY without DELAY");
	from_params = rcpt_params = "";
}

/* While new mail is taken in, few workers start: more mail for their destinations may come. */
static void
test_taking(void)
{
	static const char *const to[] = {
		"x@0.example", "x@1.example", "x@2.example", "x@3.example", "x@4.example",
		"x@5.example", "x@6.example", "x@7.example", "x@8.example", "x@9.example", NULL,
	};
	unsigned meanwhile;

	clear();
	ok(put("a@box.example", to), "a message for ten domains");
	(void)queue_take_new(&queue, NULL, NULL);
	(void)queue_each(&queue, add, NULL);
	runner.taking = true;
	runner_dispatch(&runner);
	meanwhile = runner.nworkers;
	runner.taking = false;
	runner_dispatch(&runner);
	ok(meanwhile == 8 && runner.nworkers == 10,
	    "eight workers start while new mail is taken in, then the others: %u, %u", meanwhile,
	    runner.nworkers);
	ok(run_all() && ends[REPORT_DEFERRED] == 1, "it waits, as there is no name server");
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
	test_three_deaths();
	test_unready();
	test_idle_death();
	test_lies();
	test_ahead();
	test_schedule();
	test_expired();
	test_frozen();
	test_delayed();
	test_success();
	test_success_once();
	test_postpone();
	test_hold();
	test_give_back();
	test_by_notice();
	test_taking();
	ok(files("queue/tmp") + files("queue/new") + files("queue/cur") == 0,
	    "nothing is left in tmp/, new/ and cur/");
	runner_done(&runner);
	queue_close(&queue);
	config_done(&config);
	(void)snprintf(command, sizeof command, "rm -rf %s", folder);
	ok(system(command) == 0, "clean-up");
	return tap_done();
}
