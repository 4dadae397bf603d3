// SPDX-License-Identifier: ISC
/*
 * The process inherits what it is to write, and sends one result of a fixed size.
 */
#include "runner/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/foreign.h"
#include "base/landlock.h"
#include "runner/runner.h"

#define NOTICE_S 30		/* the longest time for one notice */

/* It cannot reach the workers, nor those that sign or read for the runner. */
static void
put_up_walls(const struct runner *r, enum writer_reach reach)
{
	const uint64_t marks = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
	const uint64_t messages = marks | LANDLOCK_ACCESS_FS_MAKE_REG |
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER;
	struct landlock l;

	for (const struct worker *w = r->workers; w; w = w->next) {
		(void)close(w->fd);
		if (w->permits >= 0)
			(void)close(w->permits);
	}
	if (r->reader.pid)
		(void)close(r->reader.fd);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return;
	landlock_begin(&l, LANDLOCK_NO_TCP | LANDLOCK_SCOPED);
	if (reach == WRITER_ALL) {
		landlock_allow(&l, r->queue->root, messages | LANDLOCK_ACCESS_FS_READ_DIR);
	} else {
		landlock_allow(&l, r->queue->tmp, messages);
		landlock_allow(&l, r->queue->fresh, messages);
		landlock_allow(&l, reach == WRITER_CUR ? r->queue->cur : r->queue->dead, marks);
	}
	(void)landlock_enforce(&l);
}

static bool
is_valid(const struct written *w)
{
	return w->error <= 0 && w->error > -4096 && foreign_line(w->to, sizeof w->to) &&
	    foreign_line(w->notice, sizeof w->notice) &&
	    (!w->notice[0] || queue_is_id(w->notice));
}

/* The process ends itself after NOTICE_S.  One that a message has taken over would not, so the
 * runner waits no longer than this.  False if there is no whole result. */
static bool
take_result(int fd, struct written *ret)
{
	const int64_t end_ms = clock_ms() + (NOTICE_S + 1) * 1000;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int r;

	do
		r = poll(&p, 1, clock_left_ms(end_ms));
	while (r < 0 && errno == EINTR);
	return r > 0 && read(fd, ret, sizeof *ret) == (ssize_t)sizeof *ret;
}

int
writer_run(const struct runner *r, enum writer_reach reach,
    void (*write_one)(const void *ctx, struct written *ret), const void *ctx, struct written *ret)
{
	struct written result = { 0 };
	int status = 0, pair[2];
	bool whole;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)alarm(NOTICE_S);
		put_up_walls(r, reach);
		write_one(ctx, &result);
		(void)!write(pair[1], &result, sizeof result);
		_exit(0);
	}
	(void)close(pair[1]);
	whole = pid > 0 && take_result(pair[0], &result);
	(void)close(pair[0]);
	if (pid < 0)
		return -EAGAIN;
	(void)kill(pid, SIGKILL);	/* a fault that ends it already stays its status */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!whole || !is_valid(&result))
		return WIFSIGNALED(status) ? WTERMSIG(status) : SIGABRT;
	*ret = result;
	return 0;
}
