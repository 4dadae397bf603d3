// SPDX-License-Identifier: ISC
/* net/stream over socket pairs, pipes and files: input whole, and byte by byte. */
#include "net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/lib/tap.h"
#include "tests/unit/stream_pair.h"

#define TRIES 6

static const struct line_case {
	const char *name;
	struct slice input;
	size_t max;
	/* results, up to 0 or an error; 1: a line */
	struct { int r; struct slice line; bool crlf; } want[4];
} line_cases[] = {
	{ .name = "one_line", .input = S("NOOP\r\n"), .max = 512,
	    .want = { { 1, S("NOOP"), true }, { 0, S(""), false } } },
	{ .name = "bare_lf", .input = S("NOOP\n"), .max = 512,
	    .want = { { 1, S("NOOP"), false }, { 0, S(""), false } } },
	{ .name = "empty_lines", .input = S("\r\n\n"), .max = 512,
	    .want = { { 1, S(""), true }, { 1, S(""), false }, { 0, S(""), false } } },
	{ .name = "two_lines", .input = S("A\r\nB\r\n"), .max = 512,
	    .want = { { 1, S("A"), true }, { 1, S("B"), true }, { 0, S(""), false } } },
	{ .name = "cr_inside", .input = S("A\rB\r\r\n"), .max = 512,
	    .want = { { 1, S("A\rB\r"), true }, { 0, S(""), false } } },
	{ .name = "nul_inside", .input = S("A\0B\r\n"), .max = 512,
	    .want = { { 1, S("A\0B"), true }, { 0, S(""), false } } },
	{ .name = "unfinished_is_dropped", .input = S("A\r\nQUI"), .max = 512,
	    .want = { { 1, S("A"), true }, { 0, S(""), false } } },
	{ .name = "just_max", .input = S("1234\r\n"), .max = 6,
	    .want = { { 1, S("1234"), true }, { 0, S(""), false } } },
	{ .name = "one_over_max", .input = S("12345\r\n"), .max = 6,
	    .want = { { -EMSGSIZE, S(""), false } } },
	{ .name = "no_lf_within_max", .input = S("123456789"), .max = 6,
	    .want = { { -EMSGSIZE, S(""), false } } },
	{ .name = "nothing", .input = S(""), .max = 512, .want = { { 0, S(""), false } } },
};

/* Feed the rest of the input, whole or one octet, whenever the stream wants more. */
static int
next_line(struct slice *left, bool bytewise, const struct pair *p, size_t max, struct slice *line,
    bool *crlf)
{
	for (;;) {
		size_t n = bytewise && left->n ? 1 : left->n;
		int r;

		if (left->n) {
			put(p->far_wfd, left->p, n);
			*left = slice_skip(*left, n);
			if (left->n == 0 && p->far_wfd != p->far_rfd)
				(void)close(p->far_wfd);
			else if (left->n == 0)
				(void)shutdown(p->far_wfd, SHUT_WR);
		}
		r = stream_line(&s, max, left->n ? 0 : SOON, line, crlf);
		if (r != -ETIMEDOUT || left->n == 0)
			return r;
	}
}

static void
line_case(const struct line_case *c, enum kind kind, bool bytewise)
{
	struct pair p = pair_open(kind);
	struct slice left = c->input, line = SL("");
	bool same = true, crlf = false;

	stream_init(&s, p.rfd, p.wfd);
	if (left.n == 0)
		pair_close_far(&p);
	for (size_t i = 0; i == 0 || c->want[i - 1].r > 0; i++) {
		int r = next_line(&left, bytewise, &p, c->max, &line, &crlf);

		same = same && r == c->want[i].r;
		if (r > 0)
			same = same && slice_eq(line, c->want[i].line) && crlf == c->want[i].crlf;
	}
	ok(same, "line %s, %s, %s", c->name, kinds[kind], bytewise ? "byte by byte" : "whole");
	if (left.n == 0 && p.far_wfd != p.far_rfd)
		p.far_wfd = p.far_rfd;	/* closed */
	pair_close(&p);
}

static const struct skip_case {
	const char *name;
	struct slice input;
	bool crlf_only;
	int want;
	struct slice rest;
} skip_cases[] = {
	{ .name = "to_lf", .input = S("aaa\nNOOP\r\n"), .want = 1, .rest = S("NOOP\r\n") },
	{ .name = "to_crlf", .input = S("aaa\r\nNOOP\r\n"), .crlf_only = true, .want = 1,
	    .rest = S("NOOP\r\n") },
	{ .name = "lf_is_not_crlf", .input = S("aaa\nb\rc\r\r\nNOOP\r\n"), .crlf_only = true,
	    .want = 1, .rest = S("NOOP\r\n") },
	{ .name = "first_octet", .input = S("\nNOOP\r\n"), .want = 1, .rest = S("NOOP\r\n") },
	{ .name = "at_eof", .input = S("aaaa"), .want = 0, .rest = S("") },
	{ .name = "cr_at_eof", .input = S("aaaa\r"), .crlf_only = true, .want = 0, .rest = S("") },
};

static void
skip_case(const struct skip_case *c, bool bytewise)
{
	struct pair p = pair_open(SOCKET);
	struct slice left = c->input;
	int r;

	stream_init(&s, p.rfd, p.wfd);
	do {
		size_t n = bytewise ? 1 : left.n;

		put(p.far_wfd, left.p, n);
		left = slice_skip(left, n);
		if (left.n == 0)
			(void)shutdown(p.far_wfd, SHUT_WR);
		r = stream_skip_line(&s, c->crlf_only, left.n ? 0 : SOON);
	} while (r == -ETIMEDOUT && left.n);
	ok(r == c->want && slice_eq(bytewise ? left : stream_pending(&s), c->rest), "skip %s, %s",
	    c->name, bytewise ? "byte by byte" : "whole");
	pair_close(&p);
}

static void
long_line(void)
{
	struct pair p = pair_open(SOCKET);
	struct slice line;
	bool crlf;
	static char big[3 * STREAM_IN];
	pid_t child;
	int r;

	memset(big, 'a', sizeof big);
	memcpy(big + sizeof big - 8, "\r\nNOOP\r\n", 8);
	stream_init(&s, p.rfd, p.wfd);
	child = fork();
	if (child == 0) {
		put(p.far_wfd, big, sizeof big);
		_exit(0);
	}
	ok(stream_line(&s, 2 * STREAM_IN, SOON, &line, &crlf) == -EMSGSIZE,
	    "a line longer than the buffer is too long");
	ok(stream_skip_line(&s, true, SOON) == 1, "skip a line longer than the buffer");
	r = stream_line(&s, 512, SOON, &line, &crlf);
	ok(r == 1 && slice_eq(line, SL("NOOP")), "the line after a long one is whole");
	ok(s.octets_in == sizeof big, "octets_in counts all of it");
	(void)waitpid(child, NULL, 0);
	pair_close(&p);
}

static void
fill_moves(void)
{
	struct pair p = pair_open(SOCKET);
	static char big[STREAM_IN];
	size_t got = 0;

	memset(big, 'x', sizeof big);
	stream_init(&s, p.rfd, p.wfd);
	while (got < STREAM_IN) {
		size_t n = STREAM_IN - got < 4096 ? STREAM_IN - got : 4096;
		ssize_t r;

		put(p.far_wfd, big, n);
		r = stream_fill(&s, SOON);
		if (r <= 0)
			break;
		got += (size_t)r;
	}
	ok(stream_pending(&s).n == STREAM_IN, "fill up to the last octet");
	ok(stream_fill(&s, SOON) == -ENOBUFS, "fill a full buffer");
	stream_consume(&s, STREAM_IN - 3);
	put(p.far_wfd, "yz", 2);
	ok(stream_fill(&s, SOON) == 2 && slice_eq(stream_pending(&s), SL("xxxyz")),
	    "fill moves pending input to the front");
	pair_close(&p);
}

static void
timeouts(enum kind kind)
{
	struct pair p = pair_open(kind);
	int wake[2];
	struct slice line;
	bool crlf;
	int64_t before = clock_ms(), took;

	if (pipe(wake) < 0)
		abort();
	stream_init(&s, p.rfd, p.wfd);
	ok(stream_fill(&s, 30) == -ETIMEDOUT, "fill times out, %s", kinds[kind]);
	took = clock_ms() - before;
	ok(took >= 29 && took < SOON, "fill does not time out too early, %s", kinds[kind]);
	s.deadline_ms = clock_ms() + 20;
	ok(stream_line(&s, 512, -1, &line, &crlf) == -ETIMEDOUT,
	    "the deadline bounds an endless wait, %s", kinds[kind]);
	put(p.far_wfd, "A\r\n", 3);
	ok(stream_line(&s, 512, SOON, &line, &crlf) == -ETIMEDOUT,
	    "nothing is read after the deadline, %s", kinds[kind]);
	s.deadline_ms = 0;
	ok(stream_line(&s, 512, SOON, &line, &crlf) == 1,
	    "without the deadline the line is there, %s", kinds[kind]);
	s.wake_fd = wake[0];
	put(wake[1], "", 1);
	ok(stream_line(&s, 512, SOON, &line, &crlf) == -EINTR, "wake_fd ends a wait, %s",
	    kinds[kind]);
	s.wake_fd = -1;
	(void)close(wake[0]);
	(void)close(wake[1]);
	pair_close(&p);
}

static void
line_flushes(enum kind kind)
{
	struct pair p = pair_open(kind);
	struct slice line;
	bool crlf;
	char got[16];

	stream_init(&s, p.rfd, p.wfd);
	put(p.far_wfd, "A\r\nB\r\n", 6);
	(void)stream_line(&s, 512, SOON, &line, &crlf);
	ok(stream_write(&s, SL("250 a\r\n"), SOON) == 0, "queue a reply, %s", kinds[kind]);
	(void)stream_line(&s, 512, SOON, &line, &crlf);
	ok(s.out.n == 7, "a pending line is returned without sending, %s", kinds[kind]);
	ok(stream_line(&s, 512, 0, &line, &crlf) == -ETIMEDOUT && s.out.n == 0,
	    "waiting sends first, %s", kinds[kind]);
	ok(read(p.far_rfd, got, sizeof got) == 7 && memcmp(got, "250 a\r\n", 7) == 0,
	    "all output is sent, %s", kinds[kind]);
	pair_close(&p);
}

static void
ready(enum kind kind)
{
	struct pair p = pair_open(kind);

	stream_init(&s, p.rfd, p.wfd);
	ok(!stream_ready(&s) && stream_quiet(&s), "nothing is ready, %s", kinds[kind]);
	put(p.far_wfd, "AB", 2);
	ok(stream_ready(&s) && !stream_quiet(&s), "input in the kernel is ready, %s", kinds[kind]);
	(void)stream_fill(&s, SOON);
	stream_consume(&s, 1);
	ok(stream_ready(&s) && !stream_quiet(&s), "pending input is ready, %s", kinds[kind]);
	stream_consume(&s, 1);
	pair_close_far(&p);
	ok(!stream_ready(&s), "the end of input is not ready, %s", kinds[kind]);
	ok(!stream_quiet(&s), "the end of input is not quiet either, %s", kinds[kind]);
	ok(stream_fill(&s, SOON) == 0 && s.eof && stream_fill(&s, SOON) == 0, "EOF stays, %s",
	    kinds[kind]);
	pair_close(&p);
}

static void
regular_file(void)
{
	char name[] = "/tmp/stream-test-XXXXXX", got[32];
	int fd = mkstemp(name);
	struct slice line;
	bool crlf;
	int r;

	(void)unlink(name);
	put(fd, "HELO a\r\nQUIT\r\n", 14);
	(void)lseek(fd, 0, SEEK_SET);
	stream_init(&s, fd, fd);
	r = stream_line(&s, 512, SOON, &line, &crlf);
	ok(r == 1 && slice_eq(line, SL("HELO a")), "a file as input");
	r = stream_line(&s, 512, SOON, &line, &crlf);
	ok(r == 1 && slice_eq(line, SL("QUIT")) && stream_line(&s, 512, SOON, &line, &crlf) == 0,
	    "the end of a file is EOF");
	(void)stream_write(&s, SL("250 ok\r\n"), SOON);
	ok(stream_flush(&s, SOON) == 0 && pread(fd, got, sizeof got, 14) == 8, "a file as output");
	(void)close(fd);
}

/* Read from a writer that sends 5 octets every 100 ms.  Returns the number of octets read. */
static int
read_paced(uint64_t least, int window_ms, int timeout_ms, int times, int *ret_r)
{
	struct pair p = pair_open(SOCKET);
	int octets = 0, status;
	ssize_t n;
	pid_t writer = fork();

	if (writer == 0) {
		(void)close(p.rfd);
		for (int i = 0; i < times; i++) {
			put(p.far_wfd, "12345", 5);
			(void)poll(NULL, 0, 100);
		}
		(void)poll(NULL, 0, 1000);	/* silence */
		_exit(0);
	}
	pair_close_far(&p);
	stream_init(&s, p.rfd, p.wfd);
	stream_pace(&s, least, window_ms);
	while ((n = stream_fill(&s, timeout_ms)) > 0)
		octets += (int)n;
	*ret_r = (int)n;
	stream_consume(&s, stream_pending(&s).n);
	(void)kill(writer, SIGKILL);
	(void)waitpid(writer, &status, 0);
	pair_close(&p);
	return octets;
}

static void
check_pace(void)
{
	int r, n = read_paced(1000, 400, SOON, 20, &r);

	ok(r == -ETIME && n >= 5 && n <= 40,
	    "too slow: the end of the first window (%d octets, %d)", n, r);
	n = read_paced(5, 400, SOON, 12, &r);
	ok(r == -ETIME && n == 60, "fast enough, then silent: the end of a window (%d octets, %d)",
	    n, r);
	n = read_paced(5, 5000, 400, 6, &r);
	ok(r == -ETIMEDOUT && n == 30,
	    "silent within a window: a timeout (%d octets, %d)", n, r);
	n = read_paced(0, 0, SOON, 6, &r);
	ok(r == 0 && n == 30, "no pace is demanded (%d octets, %d)", n, r);
}

static int alarms;

static void
ring(void *ctx)
{
	(void)ctx;
	if (++alarms < 3)
		s.alarm.at_ms = clock_ms() + 20;
}

/* An alarm in a wait, with input that is always ready, and without a deadline. */
static void
check_alarms(void)
{
	struct slice line;
	bool crlf;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return;
	stream_init(&s, fds[0], fds[0]);
	alarms = 0;
	s.alarm = (struct stream_alarm){ clock_ms() + 20, ring, NULL };
	ok(stream_fill(&s, 10) == -ETIMEDOUT && alarms == 0, "an alarm waits for its time");
	ok(stream_fill(&s, 500) == -ETIMEDOUT && alarms == 3 && s.alarm.at_ms == 0,
	    "an alarm is due once for each time that is set");
	alarms = 2;
	s.alarm.at_ms = clock_ms() + 40;
	for (int i = 0; i < 10; i++) {
		(void)!write(fds[1], "NOOP\r\n", 6);
		(void)stream_line(&s, 512, 1000, &line, &crlf);
		(void)usleep(10000);
	}
	ok(alarms == 3, "input that is ready does not stop an alarm");
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static volatile sig_atomic_t woken;

static void
be_woken(int number)
{
	woken = number;
}

/* Milliseconds of a wait for input that does not come. */
static int64_t
silence_ms(int timeout_ms, ssize_t expected)
{
	const int64_t before = clock_ms();

	return stream_fill(&s, timeout_ms) == expected ? clock_ms() - before : -1;
}

/* Reads that sleep. */
static void
check_naps(void)
{
	const struct itimerval soon = { .it_value.tv_usec = 20000 };
	struct sigaction action = { .sa_handler = be_woken, .sa_flags = SA_RESTART };
	int fds[2], wake[2];
	int64_t took = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 || pipe(wake) < 0 ||
	    sigaction(SIGALRM, &action, NULL) < 0)
		abort();
	stream_init(&s, fds[0], fds[0]);
	stream_nap(&s, &woken);
	/* A busy machine may delay one or the other of them. */
	for (int i = 0; i < TRIES && (i == 0 || took >= STREAM_NAP_MS); i++)
		took = silence_ms(30, -ETIMEDOUT);
	ok(took >= 29 && took < STREAM_NAP_MS, "no read sleeps over the end of a wait");
	took = silence_ms(STREAM_NAP_MS + 30, -ETIMEDOUT);
	ok(took >= STREAM_NAP_MS + 29, "after a read that slept in vain the wait goes on");
	alarms = 2;
	s.alarm = (struct stream_alarm){ clock_ms() + 20, ring, NULL };
	ok(stream_fill(&s, 50) == -ETIMEDOUT && alarms == 3, "no read sleeps over an alarm");
	s.wake_fd = wake[0];
	put(wake[1], "", 1);
	for (int i = 0; i < TRIES && (i == 0 || took >= STREAM_NAP_MS); i++) {
		woken = 0;
		(void)setitimer(ITIMER_REAL, &soon, NULL);
		took = silence_ms(SOON, -EINTR);
	}
	ok(took >= 0 && took < STREAM_NAP_MS, "a signal ends a read that sleeps");
	put(fds[1], "NOOP\r\n", 6);
	ok(woken && stream_fill(&s, SOON) == -EINTR, "after a signal nothing more is read");
	woken = 0;
	ok(stream_fill(&s, SOON) == 6, "without one the octets are there");
	for (int i = 0; i < 2; i++) {
		(void)close(fds[i]);
		(void)close(wake[i]);
	}
	(void)signal(SIGALRM, SIG_DFL);
	(void)alarm(60);
}

int
main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(60);
	for (size_t i = 0; i < sizeof line_cases / sizeof line_cases[0]; i++)
		for (int k = 0; k < 4; k++)
			line_case(&line_cases[i], k & 1 ? PIPE : SOCKET, k & 2);
	for (size_t i = 0; i < sizeof skip_cases / sizeof skip_cases[0]; i++)
		for (int k = 0; k < 2; k++)
			skip_case(&skip_cases[i], k);
	long_line();
	fill_moves();
	for (enum kind kind = SOCKET; kind <= PIPE; kind++) {
		timeouts(kind);
		line_flushes(kind);
		ready(kind);
	}
	regular_file();
	check_pace();
	check_alarms();
	check_naps();
	return tap_done();
}
