// SPDX-License-Identifier: ISC
/*
 * Runs a program for its output, with a limit on its time and on its output.  It gets none of our
 * descriptors, and the processes that it started end with it.
 */
#include "client/token.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/route.h"
#include "base/words.h"

#define WORDS_SHOWN 300		/* octets of standard error */

struct child {
	pid_t pid;
	int pid_fd, out, err;		/* -1: not open */
	struct buf *b;
	bool too_much;
	char words[WORDS_SHOWN];	/* the end of its standard error, as much as fits */
	size_t nwords;
};

/* Cut the command into words, in place. */
static void
split(char *command, char *argv[ROUTE_COMMAND_WORDS + 1])
{
	struct slice rest = slice_str(command), word;
	char *end = NULL;
	size_t n = 0;

	while (n < ROUTE_COMMAND_WORDS && (word = words_next(&rest)).n) {
		if (end)		/* of the word before, which is read already */
			*end = '\0';
		argv[n] = command + (word.p - command);
		end = argv[n++] + word.n;
	}
	if (end)
		*end = '\0';
	argv[n] = NULL;
}

static _Noreturn void
run(const char *command, int out, int err)
{
	char space[ROUTE_COMMAND_MAX + 1], *argv[ROUTE_COMMAND_WORDS + 1];
	const int null = open("/dev/null", O_RDONLY);

	(void)snprintf(space, sizeof space, "%s", command);
	split(space, argv);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (!argv[0] || null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(127);
	(void)close_range(3, ~0U, 0);
	(void)execv(argv[0], argv);
	(void)dprintf(2, "cannot start it: %s\n", strerror(errno));
	_exit(127);
}

static int
start(struct child *c, const char *command)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, r = 0;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 || (c->pid = fork()) < 0) {
		r = -errno;
		goto out;
	}
	if (c->pid == 0)
		run(command, out[1], err[1]);
	(void)setpgid(c->pid, c->pid);	/* the child does it too: either may be first */
	c->pid_fd = pidfd_open(c->pid, 0);
	if (c->pid_fd < 0)
		r = -errno;
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(err[0], F_SETFL, O_NONBLOCK);
	c->out = out[0];
	c->err = err[0];
	out[0] = err[0] = -1;
out:
	for (int i = 0; i < 2; i++) {
		if (out[i] >= 0)
			(void)close(out[i]);
		if (err[i] >= 0)
			(void)close(err[i]);
	}
	return r;
}

/* Read all that is there; a descriptor at its end is closed. */
static void
read_output(struct child *c)
{
	char extra;

	while (c->out >= 0) {
		const bool room = c->b->n < c->b->cap;
		const ssize_t n = room ? read(c->out, c->b->p + c->b->n, c->b->cap - c->b->n)
				       : read(c->out, &extra, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n > 0 && room) {
			c->b->n += (size_t)n;
			continue;
		}
		c->too_much |= n > 0;
		(void)close(c->out);
		c->out = -1;
	}
}

static void
read_words(struct child *c)
{
	while (c->err >= 0) {
		char space[WORDS_SHOWN];
		const ssize_t n = read(c->err, space, sizeof space);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			(void)close(c->err);
			c->err = -1;
			return;
		}
		/* Keep the end of standard error. */
		if (c->nwords + (size_t)n > sizeof c->words) {
			const size_t drop = c->nwords + (size_t)n - sizeof c->words;

			memmove(c->words, c->words + drop, c->nwords - drop);
			c->nwords -= drop;
		}
		memcpy(c->words + c->nwords, space, (size_t)n);
		c->nwords += (size_t)n;
	}
}

/* Wait until the program has ended: its wait status, or -ETIMEDOUT, -EFBIG. */
static int
listen_to(struct child *c, int timeout_ms)
{
	const int64_t end_ms = clock_ms() + timeout_ms;
	int status = 0;

	for (;;) {
		struct pollfd fds[] = {
			{ c->pid_fd, POLLIN, 0 },
			{ c->out, POLLIN, 0 },
			{ c->err, POLLIN, 0 },
		};
		const int64_t left_ms = end_ms - clock_ms();

		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(fds, 3, (int)left_ms) < 0 && errno != EINTR)
			return -errno;
		read_output(c);
		read_words(c);
		if (c->too_much)
			return -EFBIG;
		if (fds[0].revents) {
			/* First its own children: after the wait its number may be reused. */
			(void)kill(-c->pid, SIGKILL);
			(void)waitpid(c->pid, &status, 0);
			c->pid = -1;
			read_output(c);
			read_words(c);
			return c->too_much ? -EFBIG : status;
		}
	}
}

static void
explain(const struct child *c, const char *command, int result, struct buf *why)
{
	const int name = (int)strcspn(command, " \t");
	struct slice words = slice_of(c->words, c->nwords), rest;

	buf_fmt(why, "token-command %.*s: ", name < 200 ? name : 200, command);
	if (result == -ETIMEDOUT)
		buf_str(why, "takes too long");
	else if (result == -EFBIG)
		buf_str(why, "writes more than a token");
	else if (result < 0)
		buf_str(why, strerror(-result));
	else if (WIFSIGNALED(result))
		buf_fmt(why, "was killed by signal %d", WTERMSIG(result));
	else
		buf_fmt(why, "exit status %d", WEXITSTATUS(result));
	while (words.n && (words.p[words.n - 1] == '\n' || words.p[words.n - 1] == '\r'))
		words.n--;
	while (memchr(words.p, '\n', words.n)) {
		(void)slice_cut(words, '\n', &rest);
		words = rest;
	}
	if (words.n)
		buf_fmt(why, ": %.*s", (int)words.n, words.p);
}

static void
finish(struct child *c)
{
	if (c->pid > 0) {
		(void)kill(-c->pid, SIGKILL);
		(void)kill(c->pid, SIGKILL);	/* if it has no group of its own yet */
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	for (int i = 0; i < 3; i++) {
		const int fd = i == 0 ? c->pid_fd : i == 1 ? c->out : c->err;

		if (fd >= 0)
			(void)close(fd);
	}
}

int
token_run(const char *command, int timeout_ms, struct buf *b, struct buf *why)
{
	struct child c = { .pid = -1, .pid_fd = -1, .out = -1, .err = -1, .b = b };
	int r = start(&c, command);

	if (r == 0)
		r = listen_to(&c, timeout_ms);
	if (r != 0) {
		explain(&c, command, r, why);
		r = r < 0 ? r : -EREMOTEIO;
	}
	finish(&c);
	return r;
}
