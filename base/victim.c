// SPDX-License-Identifier: ISC
/*
 * A child inherits its parent's score, and its walls let it open no file.  So the parent has the
 * child's score while it forks.  Without privileges no score can be lower than that of the start.
 */
#include "base/victim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/buf.h"

#define MORE	  500
#define SCORE_MAX 1000

static int score_fd = -1;
static char own_space[8], child_space[8];
static struct buf own = BUF(own_space), child = BUF(child_space);

/* The files of a process that is not dumpable are root's. */
static int
open_score(void)
{
	const int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	int fd;

	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (dumpable == 0)
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return fd;
}

void
victim_prepare(void)
{
	char text[16];
	const int fd = open_score();
	const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
	struct slice rest, line = slice_cut(slice_of(text, n > 0 ? (size_t)n : 0), '\n', &rest);
	uint64_t score;

	/* A score below 0 was chosen for all of them. */
	if (slice_uint(line, SCORE_MAX - MORE, &score)) {
		buf_uint(&own, score);
		buf_uint(&child, score + MORE);
		score_fd = fd;
	} else if (fd >= 0) {
		(void)close(fd);
	}
}

static void
set_score(const struct buf *score)
{
	if (score_fd >= 0 && pwrite(score_fd, score->p, score->n, 0) < 0) {
		(void)close(score_fd);
		score_fd = -1;
	}
}

pid_t
victim_fork(pid_t (*forks)(void))
{
	pid_t pid;
	int error;

	set_score(&child);
	pid = forks();
	error = errno;
	if (pid != 0) {
		set_score(&own);
	} else if (score_fd >= 0) {
		(void)close(score_fd);		/* it is the parent's */
		score_fd = -1;
	}
	errno = error;
	return pid;
}
