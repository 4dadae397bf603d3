// SPDX-License-Identifier: ISC
/*
 * Runs a program for its output, with a limit on its time and on its output.
 */
#include "client/token.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/keeper.h"

#define WORDS_SHOWN 300		/* octets of standard error */

struct child {
	struct keeper keeper;
	int out, err;			/* -1: not open */
	struct buf *b;
	bool too_much;
	char words[WORDS_SHOWN];	/* the end of its standard error, as much as fits */
	size_t nwords;
};

static int
start(struct child *c, const char *command)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, r = 0;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		r = -errno;
	if (r == 0)
		r = keeper_start(&c->keeper, command, out[1], err[1]);
	if (r == 0) {
		(void)fcntl(out[0], F_SETFL, O_NONBLOCK);
		(void)fcntl(err[0], F_SETFL, O_NONBLOCK);
		c->out = out[0];
		c->err = err[0];
		out[0] = err[0] = -1;
	}
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
	int status;

	for (;;) {
		struct pollfd fds[] = {
			{ c->keeper.fd, POLLIN, 0 },
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
			status = keeper_status(&c->keeper);
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
	keeper_end(&c->keeper);
	if (c->out >= 0)
		(void)close(c->out);
	if (c->err >= 0)
		(void)close(c->err);
}

int
token_run(const char *command, int timeout_ms, struct buf *b, struct buf *why)
{
	struct child c = { .keeper = { -1, -1 }, .out = -1, .err = -1, .b = b };
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
