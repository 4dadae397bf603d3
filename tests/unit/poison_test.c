// SPDX-License-Identifier: ISC
/*
 * Messages that kill what reads them, with a real runner, real workers and a real queue.  This
 * program has a parser of envelopes with a fault: it dies on the recipient poison@.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/seccomp.h"
#include "queue/aside.h"
#include "queue/check.h"
#include "queue/format.h"
#include "queue/operator.h"
#include "queue/reader.h"
#include "runner/admit.h"
#include "runner/aside.h"
#include "runner/intake.h"
#include "runner/requests.h"
#include "runner/sheet.h"
#include "tests/lib/queue_all.h"
#include "tests/lib/tap.h"
#include "tests/lib/workers.h"

/* A sanitizer leaves faults to the program. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0";
}

static char folder[] = "/tmp/poison_test.XXXXXX";
static struct queue queue;
static struct config config;
static struct dns_resolver resolver;
static struct runner runner;
static unsigned ends[REPORT_STUCK + 1], notices[NOTICE_KINDS];
static char put_id[QUEUE_ID_SIZE], noticed[100];

/* The processes in which the parser has its fault.  The runner itself parses sheets, the others
 * envelopes. */
static enum { NOWHERE, IN_PARENT, IN_WORKERS, IN_ALL } faulty;
static bool delivers;			/* this process is a worker */
static bool runs;			/* the runner works */
static bool forges;			/* the reader adds a recipient to each message */
static unsigned parsed;			/* envelopes that the runner itself has parsed */
static int fault = SIGABRT;
/* The results of system calls in the reader, in memory that it shares: 0 or an errno. */
static struct {
	int file, folder, other_folder, new_file, socket, process, write, memory, done;
	int worker, permits, reader;
} *probe;
static pid_t parent;

static int
error_of(long result)
{
	return result < 0 ? errno : 0;
}

static void
probe_walls(void)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	pid_t pid;

	probe->file = error_of(open("/etc/passwd", O_RDONLY));
	probe->folder = error_of(openat(3, "..", flags));
	probe->other_folder = error_of(openat(3, "/etc/passwd", flags));
	probe->new_file = error_of(openat(3, "0123456789ABCDEF", O_CREAT | O_WRONLY, 0600));
	probe->socket = error_of(socket(AF_INET, SOCK_STREAM, 0));
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		_exit(0);
	probe->process = error_of(pid);
	probe->write = error_of(write(STDOUT_FILENO, "# not behind walls\n", 19));
	probe->memory = error_of((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1 ? -1 : 0);
	if (runner.workers) {
		probe->worker = error_of(fcntl(runner.workers->fd, F_GETFD));
		probe->permits = error_of(fcntl(runner.workers->permits, F_GETFD));
		probe->reader = error_of(fcntl(runner.reader.fd, F_GETFD));
	}
	probe->done = 1;
}

/* As if a message had taken the process over: it hangs up, and never ends. */
static _Noreturn void
hang_on(void)
{
	(void)alarm(0);
	for (int fd = 3; fd < 256; fd++)
		(void)close(fd);
	for (;;)
		(void)sched_yield();
}

int __real_queue_envelope_parse(struct slice text, struct queue_entry *e);
int __wrap_queue_envelope_parse(struct slice text, struct queue_entry *e);
int __real_queue_load_open(int fd, const char *id, const struct queue_part *part,
    struct queue_entry *ret);
int __wrap_queue_load_open(int fd, const char *id, const struct queue_part *part,
    struct queue_entry *ret);
int __real_sheet_read(const struct config *c, const char *id, struct slice octets,
    struct sheet *ret);
int __wrap_sheet_read(const struct config *c, const char *id, struct slice octets,
    struct sheet *ret);

/* Add a recipient that is not in the message. */
static void
forge_rcpt(struct queue_entry *e)
{
	struct queue_rcpt *rcpts = realloc(e->rcpts, (e->nrcpts + 1) * sizeof *rcpts);

	if (!rcpts)
		return;
	e->rcpts = rcpts;
	rcpts[e->nrcpts] = rcpts[0];
	rcpts[e->nrcpts++].path = slice_skip(rcpts[0].path, 1);
}

int
__wrap_queue_envelope_parse(struct slice text, struct queue_entry *e)
{
	int r;

	if (getpid() != parent && memmem(text.p, text.n, "<probe@", 7))
		probe_walls();
	if (getpid() != parent && memmem(text.p, text.n, "<stubborn@", 10))
		hang_on();
	if (getpid() != parent && memmem(text.p, text.n, "<early@", 7)) {
		(void)!send(4, "", 1, MSG_NOSIGNAL);	/* its end of the pair */
		for (;;)
			(void)sched_yield();
	}
	if ((faulty == IN_ALL || (faulty == IN_WORKERS && delivers)) &&
	    memmem(text.p, text.n, "<poison@", 8))
		(void)raise(fault);
	parsed += getpid() == parent && runs;
	r = __real_queue_envelope_parse(text, e);
	if (r == 0 && forges && getpid() != parent && !delivers)
		forge_rcpt(e);
	return r;
}

int
__wrap_queue_load_open(int fd, const char *id, const struct queue_part *part,
    struct queue_entry *ret)
{
	delivers = true;
	return __real_queue_load_open(fd, id, part, ret);
}

int
__wrap_sheet_read(const struct config *c, const char *id, struct slice octets, struct sheet *ret)
{
	if (faulty == IN_PARENT && memmem(octets.p, octets.n, "poison@", 7))
		(void)raise(fault);
	return __real_sheet_read(c, id, octets, ret);
}

static void
hear(void *ctx, const struct report *e)
{
	(void)ctx;
	if (e->kind == REPORT_MESSAGE) {
		ends[e->message.end]++;
	} else if (e->kind == REPORT_NOTICE) {
		notices[e->notice.action]++;
		(void)snprintf(noticed, sizeof noticed, "%.*s", (int)e->notice.to.n,
		    e->notice.to.p);
	} else if (e->kind == REPORT_TROUBLE) {
		printf("# trouble: %s %s %d\n", e->trouble.what, e->id, e->trouble.error);
	}
}

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
		directory, maildir, "server.hostname=mail.example", "queue.retry-min=10min",
	};
	const size_t n = sizeof overrides / sizeof overrides[0];
	struct config_report report = { report_error, NULL };
	const struct rlimit no_core = { 0, 0 };

	parent = getpid();
	if (!mkdtemp(folder) || setrlimit(RLIMIT_CORE, &no_core) < 0)
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
	runner.watcher = (struct runner_watcher){ workers_started, workers_ended, NULL };
	return true;
}

static bool
put(const char *from, const char *to)
{
	static struct queue_message m;
	struct queue_facts facts = { .longest_line = 13 };

	queue_begin(&m);
	(void)snprintf(put_id, sizeof put_id, "%s", m.id);
	queue_field(&m, "client", SL("test"));
	queue_from(&m, slice_str(from), SL(""));
	queue_rcpt(&queue, &m, slice_str(to), SL(""));
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

/* Deliver all that is in new/ and in wait/, due or not. */
static bool
run_all(void)
{
	const int64_t end_ms = clock_ms() + 20000;
	bool over = false;

	runs = true;
	(void)queue_take_new(&queue, NULL, NULL);
	(void)queue_take_due(&queue, clock_wall_s(), true, NULL, NULL);
	(void)queue_each(&queue, add, NULL);
	do {
		runner_dispatch(&runner);
		runner_turn(&runner);
		over = runner.nworkers == 0 && runner.window.nmessages == 0;
		if (!over)
			workers_turn(&runner, 20, false);
	} while (!over && clock_ms() < end_ms);
	queue_reader_end(&runner.reader);	/* the next one has its faults anew */
	runs = false;
	return over;
}

static void
clear(void)
{
	memset(ends, 0, sizeof ends);
	memset(notices, 0, sizeof notices);
	noticed[0] = '\0';
}

__attribute__((format(printf, 1, 2))) static bool
there(const char *format, ...)
{
	char path[400];
	struct stat st;
	va_list ap;
	int at = snprintf(path, sizeof path, "%s/", folder);

	va_start(ap, format);
	(void)vsnprintf(path + at, sizeof path - (size_t)at, format, ap);
	va_end(ap);
	return stat(path, &st) == 0;
}

static bool
reason_is(const char *id, const char *text)
{
	char space[QUEUE_WHY_MAX];
	struct buf b = BUF(space);

	if (!queue_why_aside(&queue, id, &b))
		return false;
	printf("# %.*s\n", (int)b.n, b.p);
	return memmem(b.p, b.n, text, strlen(text)) != NULL;
}

/* A message on which three workers have died; its ID. */
static void
put_aside(const char *from, char ret_id[QUEUE_ID_SIZE])
{
	clear();
	faulty = IN_WORKERS;
	ok(put(from, "poison@box.example") && memcpy(ret_id, put_id, sizeof put_id) && run_all() &&
		ends[REPORT_DEFERRED] == 1 && run_all() && ends[REPORT_DEFERRED] == 2,
	    "two workers die while they read a message: it waits");
	ok(put(from, "good@box.example") && run_all() && ends[REPORT_FINISHED] >= 1,
	    "its neighbour is delivered while the third one dies");
	ok(ends[REPORT_ASIDE] == 1 && there("queue/dead/%s", ret_id) &&
		reason_is(ret_id, "killed by signal 6"),
	    "the message is put aside with the reason");
	clear();
	ok(run_all() && ends[REPORT_ASIDE] == 0 && notices[NOTICE_FAILED] == 0,
	    "the sender gets no notice before the lifetime is over");
}

static void
test_notices(void)
{
	const uint64_t lifetime_s = config.queue.lifetime_s;
	char id[QUEUE_ID_SIZE];

	put_aside("sender@box.example", id);
	aside_notify(&runner);
	ok(notices[NOTICE_FAILED] == 0, "the lifetime counts from the arrival");
	config.queue.lifetime_s = 0;
	(void)usleep(1100000);
	faulty = NOWHERE;
	aside_notify(&runner);
	ok(notices[NOTICE_FAILED] == 1 && strcmp(noticed, "sender@box.example") == 0 &&
		reason_is(id, "its sender gets the notice"),
	    "after the lifetime the sender gets a notice");
	ok(there("queue/dead/%s", id), "the message stays in dead/");
	clear();
	aside_notify(&runner);
	ok(notices[NOTICE_FAILED] == 0, "the sender gets one notice");

	config.queue.lifetime_s = lifetime_s;
	put_aside("sender@box.example", id);
	config.queue.lifetime_s = 0;
	(void)usleep(1100000);
	faulty = IN_ALL;
	aside_notify(&runner);
	ok(notices[NOTICE_FAILED] == 0 && reason_is(id, "no notice: the process that read it"),
	    "a message that kills the writer of the notice costs no more than the notice");
	config.queue.lifetime_s = lifetime_s;

	put_aside("", id);
	config.queue.lifetime_s = 0;
	(void)usleep(1100000);
	faulty = NOWHERE;
	aside_notify(&runner);
	ok(notices[NOTICE_FAILED] == 0 && reason_is(id, "none is wanted"),
	    "B161 nobody gets a notice about a notice");
	config.queue.lifetime_s = lifetime_s;
	ok(run_all() && there("mail/sender/new"), "the notice is delivered");
}

/* A run in a process of its own; the signal that ended it, or 0. */
static int
run_once(bool requests)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		parent = getpid();
		aside_begin(&runner);
		if (requests)
			requests_serve(&runner);
		else
			(void)run_all();
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* The queue's messages are delivered by this run, except the one that was put aside before. */
static void
next_run(const char *id, const char *why)
{
	clear();
	aside_begin(&runner);
	ok(ends[REPORT_ASIDE] == 1 && there("queue/dead/%s", id) && reason_is(id, why),
	    "the next run puts the message aside: %s", why);
	ok(run_all() && ends[REPORT_FINISHED] == 1, "its neighbour is delivered by that run");
}

static void
test_parent_faults(void)
{
	static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS };
	char id[QUEUE_ID_SIZE], why[40];

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		fault = signals[i];
		faulty = IN_PARENT;
		ok(put("sender@box.example", "poison@box.example") &&
			memcpy(id, put_id, sizeof id) &&
			put("", "good@box.example") && run_once(false) == fault,
		    "the runner dies while it reads a message");
		(void)snprintf(why, sizeof why, "smtp-relay was killed by signal %d ", fault);
		next_run(id, why);
	}
	fault = SIGABRT;
	faulty = IN_WORKERS;
	ok(put("sender@box.example", "poison@box.example") && run_once(false) == 0,
	    "a worker dies, the runner does not");
	clear();
	aside_begin(&runner);
	ok(ends[REPORT_ASIDE] == 0, "the death of a worker is not taken for the runner's");
	faulty = NOWHERE;
	ok(run_all() && ends[REPORT_FINISHED] == 1, "its message is delivered later");
}

static void
test_parent_kills(void)
{
	char id[QUEUE_ID_SIZE];

	fault = SIGKILL;
	faulty = IN_PARENT;
	ok(put("sender@box.example", "poison@box.example") && memcpy(id, put_id, sizeof id) &&
		run_once(false) == SIGKILL && run_once(false) == SIGKILL &&
		run_once(false) == SIGKILL && run_once(false) == SIGKILL,
	    "the runner is killed from outside four times while it reads a message");
	faulty = NOWHERE;
	clear();
	aside_begin(&runner);
	ok(ends[REPORT_ASIDE] == 0 && run_all() && ends[REPORT_FINISHED] == 1,
	    "that may be by chance: the message is delivered");

	faulty = IN_PARENT;
	ok(put("sender@box.example", "poison@box.example") && memcpy(id, put_id, sizeof id) &&
		run_once(false) == SIGKILL && run_once(false) == SIGKILL &&
		run_once(false) == SIGKILL && run_once(false) == SIGKILL,
	    "the runner is killed four times");
	faulty = NOWHERE;
	clear();
	aside_begin(&runner);
	(void)add(NULL, id);
	ok(run_all() && ends[REPORT_FINISHED] == 1, "and then reads the message");
	faulty = IN_PARENT;
	ok(put("sender@box.example", "poison@box.example") && memcpy(id, put_id, sizeof id) &&
		put("", "good@box.example") && run_once(false) == SIGKILL &&
		run_once(false) == SIGKILL && run_once(false) == SIGKILL &&
		run_once(false) == SIGKILL && run_once(false) == SIGKILL,
	    "the runner is killed five times in a row while it reads a message");
	next_run(id, "killed from outside 5 times");
	fault = SIGABRT;
}

/* An operator's request is served at each start, so it must not be there for ever. */
static void
test_request(void)
{
	const int64_t retry_s = (int64_t)config.queue.retry_min_s;
	char id[QUEUE_ID_SIZE];

	faulty = IN_WORKERS;
	clear();
	ok(put("sender@box.example", "poison@box.example") && memcpy(id, put_id, sizeof id) &&
		run_all() && ends[REPORT_DEFERRED] == 1 && retry_s > 0,
	    "a message waits");
	faulty = IN_ALL;
	close(queue_ask(&queue, id, QUEUE_ASK_FAIL));
	ok(run_once(true) == 0 && !there("queue/state/requests/%s.fail", id) &&
		!there("queue/dead/%s", id),
	    "a message that kills its readers cannot be given up, and stays");
	faulty = NOWHERE;
	clear();
	runs = true;
	close(queue_ask(&queue, id, QUEUE_ASK_FAIL));
	requests_serve(&runner);
	runs = false;
	ok(ends[REPORT_GIVEN_UP] == 1 && notices[NOTICE_FAILED] == 1 &&
		strcmp(noticed, "sender@box.example") == 0 &&
		!there("queue/state/requests/%s.fail", id),
	    "a sound process gives it up, and its sender gets a notice");
	ok(run_all(), "the notice is delivered");
}

/* A run with the walks of the real one. */
static bool
run_intake(void)
{
	struct intake intake = { .runner = &runner, .look_new = true, .look_cur = true,
		.look_tmp = true };
	const int64_t end_ms = clock_ms() + 20000;
	bool over = false;

	runs = true;
	(void)queue_take_due(&queue, clock_wall_s(), true, NULL, NULL);
	do {
		if (intake_ready(&intake))
			intake_turn(&intake);
		runner_dispatch(&runner);
		runner_turn(&runner);
		over = intake_over(&intake) && runner.nworkers == 0 && runner.window.nmessages == 0;
		if (!over)
			workers_turn(&runner, 20, false);
	} while (!over && clock_ms() < end_ms);
	intake_done(&intake);
	queue_reader_end(&runner.reader);	/* the next one has its faults anew */
	runs = false;
	return over;
}

/* The parser has its fault everywhere, and the runner lives on. */
static void
test_reader(void)
{
	const unsigned many = 3 * QUEUE_READER_MAX / 2;
	char id[QUEUE_ID_SIZE];
	bool all = true;

	faulty = IN_ALL;
	clear();
	for (unsigned i = 0; i < many; i++) {
		all &= put("", "many@box.example");
		if (i == many / 3)
			all &= put("", "poison@box.example") && memcpy(id, put_id, sizeof id);
	}
	ok(all && run_intake() && ends[REPORT_FINISHED] == many,
	    "a message that no process can read: its neighbours are delivered");
	ok(ends[REPORT_DEFERRED] == 1 && !there("queue/cur/%s", id), "it waits");
	clear();
	ok(put("", "poison@box.example") && run_intake() && ends[REPORT_DEFERRED] == 2,
	    "two such messages");
	clear();
	ok(run_intake() && ends[REPORT_ASIDE] == 1 && ends[REPORT_DEFERRED] == 1 &&
		there("queue/dead/%s", id) && reason_is(id, "killed by signal 6"),
	    "after the third death it is put aside");
	ok(run_intake() && ends[REPORT_ASIDE] == 2, "and so is the other one");
	faulty = NOWHERE;
	ok(put("", "poison@box.example") && run_intake() && ends[REPORT_FINISHED] == 1,
	    "a sound parser reads such a message");
}

static unsigned looked, killed;

static int
look(void *ctx, const struct queue_spot *spot)
{
	struct queue_entry e;
	const int r = queue_look(spot, &e);

	(void)ctx;
	looked++;
	killed += r == -ENOTRECOVERABLE && spot->killed == SIGABRT;
	if (r == 0)
		queue_unload(&e);
	return 0;
}

static void
note_fault(void *ctx, const struct queue_fault *f)
{
	*(unsigned *)ctx += strstr(f->what, "kills what reads it") != NULL;
}

/* The operator's programs live on. */
static void
test_operator(void)
{
	unsigned faults = 0;
	struct queue_check c = { .fault = note_fault, .ctx = &faults };
	struct queue_spot spot;
	struct queue_entry e;

	ok(put("", "one@box.example") && put("", "poison@box.example") &&
		put("", "two@box.example"),
	    "three messages in new/");
	(void)queue_find(&queue, put_id, QUEUE_ANYWHERE, &spot);
	faulty = IN_ALL;
	ok(queue_walk(&queue, QUEUE_BIT(QUEUE_IN_NEW) | QUEUE_TRIED, look, NULL) == 0 &&
		looked == 3 && killed == 1,
	    "a walk visits each, and reads two of them");
	ok(queue_check(&queue, &c) == 0 && faults == 1, "fsck lists the one that kills");
	queue_try(&spot);
	ok(spot.killed == 0 && queue_look(&spot, &e) == 0, "a sound message can be shown");
	queue_unload(&e);
	queue_spot_done(&spot);
	faulty = NOWHERE;
	ok(run_intake(), "all are delivered by a sound parser");
}

/* The process that reads first may be killed for another reason. */
static void
test_reader_killed(void)
{
	struct queue_reader reader = { 0 };
	char ids[2][QUEUE_ID_SIZE];
	int signals[2];

	(void)put("", "one@box.example");
	memcpy(ids[0], put_id, sizeof put_id);
	(void)put("", "two@box.example");
	memcpy(ids[1], put_id, sizeof put_id);
	queue_reader_try(&reader, queue.fresh, ids, 2, signals);
	ok(reader.pid > 0 && signals[0] == 0 && signals[1] == 0, "two messages are read");
	(void)kill(reader.pid, SIGKILL);
	(void)usleep(50000);
	queue_reader_try(&reader, queue.fresh, ids, 2, signals);
	ok(reader.pid > 0 && signals[0] == 0 && signals[1] == 0,
	    "no message is blamed for a process that was killed before");
	queue_reader_end(&reader);
	ok(reader.pid == 0 && run_intake(), "the process ends");
}

/* Processes that a message has taken over.  Nothing waits for them: else an alarm ends this
 * program. */
static void
test_taken_over(void)
{
	const uint64_t lifetime_s = config.queue.lifetime_s;
	struct queue_reader reader = { 0 };
	char ids[3][QUEUE_ID_SIZE];
	int signals[3];

	(void)alarm(20);
	(void)put("", "one@box.example");
	memcpy(ids[0], put_id, sizeof put_id);
	(void)put("sender@box.example", "stubborn@box.example");
	memcpy(ids[1], put_id, sizeof put_id);
	(void)put("", "two@box.example");
	memcpy(ids[2], put_id, sizeof put_id);
	queue_reader_try(&reader, queue.fresh, ids, 3, signals);
	ok(signals[0] == 0 && signals[1] == SIGKILL && signals[2] == 0,
	    "a reader that hangs up and does not end is killed: the others are read");
	queue_reader_end(&reader);

	clear();
	(void)queue_take_new(&queue, NULL, NULL);
	ok(queue_death(&queue, ids[1], "killed by a test") == 1 &&
		queue_put_aside(&queue, queue.cur, ids[1]) == 0,
	    "the message is put aside");
	config.queue.lifetime_s = 0;
	(void)usleep(1100000);
	aside_notify(&runner);
	config.queue.lifetime_s = lifetime_s;
	ok(reason_is(ids[1], "no notice: the process that read it"),
	    "neither does the runner wait for the writer of the notice");

	(void)put("", "early@box.example");
	memcpy(ids[1], put_id, sizeof put_id);
	clear();
	ok(run_intake() && ends[REPORT_FINISHED] == 2 && ends[REPORT_DEFERRED] == 1,
	    "a message whose reader replies too early waits, and the others are delivered");
	(void)alarm(0);
}

/* The reader lies to the runner about the recipients. */
static void
test_forged(void)
{
	clear();
	forges = true;
	ok(put("", "forged@box.example") && run_intake() && ends[REPORT_DEFERRED] == 1 &&
		!there("mail/forged"),
	    "a worker delivers nothing to recipients that are not in the message");
	forges = false;
	clear();
	ok(run_intake() && ends[REPORT_FINISHED] == 1 && there("mail/forged/new"),
	    "a sound reader knows them");
}

/* The process that writes a notice can open no other files than those of the queue. */
static void
test_writer_walls(void)
{
	/* Numbers that no file gets that is opened after they are closed. */
	const int high = fcntl(STDOUT_FILENO, F_DUPFD, 100);
	struct worker other = { .fd = high, .permits = fcntl(high, F_DUPFD, 100) };
	const uint64_t lifetime_s = config.queue.lifetime_s;
	char id[QUEUE_ID_SIZE];

	clear();
	(void)put("sender@box.example", "probe@box.example");
	memcpy(id, put_id, sizeof id);
	(void)queue_take_new(&queue, NULL, NULL);
	ok(queue_death(&queue, id, "killed by a test") == 1 &&
		queue_put_aside(&queue, queue.cur, id) == 0,
	    "a message is put aside");
	memset(probe, 0, sizeof *probe);
	config.queue.lifetime_s = 0;
	(void)usleep(1100000);
	runner.workers = &other;
	runner.reader = (struct queue_reader){ .pid = parent, .fd = fcntl(high, F_DUPFD, 100) };
	aside_notify(&runner);
	ok(probe->worker && probe->permits && probe->reader,
	    "the writer of the notice has no descriptor of another process");
	(void)close(other.fd);
	(void)close(other.permits);
	(void)close(runner.reader.fd);
	runner.workers = NULL;
	runner.reader = (struct queue_reader){ .pid = 0 };
	config.queue.lifetime_s = lifetime_s;
	ok(probe->done && reason_is(id, "its sender gets the notice"), "its sender gets a notice");
	ok(SECCOMP_SANITIZER || (probe->file && probe->folder && probe->other_folder),
	    "the writer of the notice can open no file outside of the queue");
	ok(run_intake(), "the notice is delivered");
}

/* The reader can read the files of its folder, and nothing else. */
static void
test_walls(void)
{
	struct queue_reader reader = { 0 };
	char ids[1][QUEUE_ID_SIZE];
	int signals[1];

	probe = mmap(NULL, sizeof *probe, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	    0);
	(void)put("", "probe@box.example");
	memcpy(ids[0], put_id, sizeof put_id);
	if (!ok(probe != MAP_FAILED, "memory to share"))
		return;
	queue_reader_try(&reader, queue.fresh, ids, 1, signals);
	queue_reader_end(&reader);
	ok(signals[0] == 0 && probe->done, "the reader reads its message");
	ok(SECCOMP_SANITIZER || (probe->file && probe->folder && probe->other_folder),
	    "the reader can open no file outside of its folder");
	ok(SECCOMP_SANITIZER || (probe->new_file && probe->write), "the reader can write nothing");
	ok(SECCOMP_SANITIZER || (probe->socket && probe->process && probe->memory),
	    "the reader can make no socket, no process, and no code");
	ok(run_intake(), "its message is delivered");
}

int
main(void)
{
	char command[300];

	if (!ok(set_up(), "set-up"))
		return tap_done();
	test_notices();
	test_parent_faults();
	test_parent_kills();
	test_request();
	test_reader();
	test_operator();
	test_reader_killed();
	test_walls();
	test_writer_walls();
	test_forged();
	test_taken_over();
	ok(parsed == 0, "the runner itself has parsed no envelope");
	runner_done(&runner);
	queue_close(&queue);
	config_done(&config);
	(void)snprintf(command, sizeof command, "rm -rf %s", folder);
	ok(system(command) == 0, "clean-up");
	return tap_done();
}
