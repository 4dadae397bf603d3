// SPDX-License-Identifier: ISC
/*
 * A question comes with the end of a socket pair, on which its worker waits for the answer: an
 * open file, or a hang-up.  So workers have nothing of each other.
 */
#include "fetch/fetcher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/foreign.h"
#include "base/name.h"
#include "base/passing.h"
#include "fetch/store.h"

#define RUNNING_MAX   16	/* fetches at once; further questions wait in the socket */
#define WAITERS_MAX   32	/* workers of one domain; others go on without an answer */

struct question {
	char domain[NAME_MAX_OCTETS + 1];
};

struct running {
	pid_t pid;
	int fd;				/* readable after the end of the program */
	struct question question;
	int waiters[WAITERS_MAX];
	unsigned nwaiters;
};

struct fetcher {
	const struct fetcher_setup *setup;
	struct running running[RUNNING_MAX];
	unsigned n;
};

/* ---- the process ---- */

static _Noreturn void
become_fetch(const struct fetcher_setup *s, const char *domain, pid_t parent)
{
	char *all[FETCHER_ARGUMENTS_MAX + 2];
	const int null = open("/dev/null", O_RDWR);
	size_t n = 0;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	for (; n < s->n; n++)
		all[n] = (char *)(uintptr_t)s->argv[n];	/* execv(3) does not write to it */
	all[n++] = (char *)(uintptr_t)domain;
	all[n] = NULL;
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(127);
	(void)close_range(STDERR_FILENO + 1, ~0U, 0);
	(void)execv(all[0], all);
	_exit(127);
}

/* The fetch of that domain; a new one if there is none.  NULL if it cannot be started. */
static struct running *
find_running(struct fetcher *f, const struct question *q)
{
	const pid_t parent = getpid();
	struct running *r;

	for (unsigned i = 0; i < f->n; i++)
		if (strcmp(f->running[i].question.domain, q->domain) == 0)
			return &f->running[i];
	r = &f->running[f->n];
	*r = (struct running){ .question = *q };
	r->pid = fork();
	if (r->pid == 0)
		become_fetch(f->setup, q->domain, parent);
	r->fd = r->pid > 0 ? pidfd_open(r->pid, 0) : -1;
	if (r->fd >= 0) {
		f->n++;
		return r;
	}
	if (r->pid > 0) {	/* its end could not be seen */
		(void)kill(r->pid, SIGKILL);
		(void)waitpid(r->pid, NULL, 0);
	}
	return NULL;
}

/* False after a hang-up. */
static bool
take_question(struct fetcher *f, int fd)
{
	struct question q;
	struct running *r = NULL;
	struct passed waiter;
	const ssize_t n = passing_take(fd, &q, sizeof q, MSG_TRUNC, &waiter);

	if (n < 0 || (n == 0 && passing_ended(fd)))
		return false;
	if (waiter.fd < 0)
		return true;
	if (n == sizeof q && foreign_line(q.domain, sizeof q.domain) &&
	    name_is_domain(slice_str(q.domain)))
		r = find_running(f, &q);
	if (r && r->nwaiters < WAITERS_MAX)
		r->waiters[r->nwaiters++] = waiter.fd;
	else
		(void)close(waiter.fd);
	return true;
}

/* The fetch has ended: each waiter gets the file, if there is one. */
static void
finish(struct fetcher *f, struct running *r)
{
	const int folder = store_open(f->setup->queue, false);
	const int file = folder < 0 ? -1 :
	    store_open_file(folder, slice_str(r->question.domain));

	(void)waitpid(r->pid, NULL, 0);
	for (unsigned i = 0; i < r->nwaiters; i++) {
		if (file >= 0)
			(void)passing_send(r->waiters[i], "!", 1, file, MSG_DONTWAIT);
		(void)close(r->waiters[i]);
	}
	if (file >= 0)
		(void)close(file);
	if (folder >= 0)
		(void)close(folder);
	(void)close(r->fd);
	*r = f->running[--f->n];
}

static void
serve(const void *ctx, int fd)
{
	static struct fetcher f;
	struct pollfd fds[RUNNING_MAX + 1];

	f.setup = ctx;
	for (;;) {
		const unsigned n = f.n;

		fds[RUNNING_MAX] = (struct pollfd){ fd, n < RUNNING_MAX ? POLLIN : 0, 0 };
		for (unsigned i = 0; i < RUNNING_MAX; i++)
			fds[i] = (struct pollfd){ i < n ? f.running[i].fd : -1, POLLIN, 0 };
		if (poll(fds, RUNNING_MAX + 1, -1) < 0 && errno != EINTR)
			return;
		for (unsigned i = n; i-- > 0;)
			if (fds[i].revents)
				finish(&f, &f.running[i]);
		if (fds[RUNNING_MAX].revents && !take_question(&f, fd))
			return;
	}
}

bool
fetcher_find(struct fetcher_setup *s, const struct options *options, const struct config *config)
{
	static char space[PATH_MAX];
	struct buf path = BUF(space);

	*s = (struct fetcher_setup){ .queue = config->queue.directory };
	if (!file_beside("smtp-fetch", &path) || access(space, X_OK) < 0)
		return false;
	s->argv[s->n++] = space;
	if (options->config_file) {
		s->argv[s->n++] = "-c";
		s->argv[s->n++] = options->config_file;
	}
	for (size_t i = 0; i < options->noverrides; i++) {
		s->argv[s->n++] = "-o";
		s->argv[s->n++] = options->overrides[i];
	}
	s->argv[s->n++] = "--";
	return true;
}

int
fetcher_start(struct aide *a, const struct fetcher_setup *setup)
{
	return aide_start(a, serve, setup);
}

/* ---- the worker's end ---- */

int
fetcher_pair(struct fetcher_pair *ret)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	*ret = (struct fetcher_pair){ ends[0], ends[1] };
	return 0;
}

int
fetcher_ask(const struct aide *a, const struct fetcher_pair *pair, struct slice domain, int wait_ms)
{
	struct question q = { .domain = "" };
	struct pollfd p = { .fd = pair->own, .events = POLLIN };
	struct passed file = { -1, -1 };
	int r = -EINVAL;
	char octet;

	if (domain.n < sizeof q.domain) {
		memcpy(q.domain, domain.p, domain.n);
		r = passing_send(a->fd, &q, sizeof q, pair->other, MSG_DONTWAIT);
	}
	(void)close(pair->other);
	if (r == 0)
		r = poll(&p, 1, wait_ms) == 1 ? 0 : -ETIMEDOUT;
	if (r == 0 && passing_take(pair->own, &octet, 1, 0, &file) <= 0)
		r = -ENOENT;
	(void)close(pair->own);
	return r == 0 && file.fd < 0 ? -ENOENT : r < 0 ? r : file.fd;
}
