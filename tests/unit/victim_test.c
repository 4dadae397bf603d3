// SPDX-License-Identifier: ISC
/*
 * The scores of a parent and of its child, as the kernel has them.
 */
#include "base/victim.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/tap.h"

static int
score_of(pid_t pid)
{
	char path[64], text[16] = "";
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
		return -9999;
	(void)close(fd);
	return atoi(text);
}

static bool
set_score(const char *text)
{
	const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	const bool done = fd >= 0 && write(fd, text, strlen(text)) > 0;

	(void)close(fd);
	return done;
}

static int
count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 100; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static pid_t
fail_to_fork(void)
{
	return -1;
}

/* The child waits for the end of the pipe, and exits with the number of its descriptors. */
static void
fork_one(int score, int child_score, int descriptors)
{
	int ends[2], status = -1;
	char c;
	pid_t pid;

	if (pipe(ends) < 0)
		abort();
	pid = victim_fork(fork);
	if (pid == 0) {
		(void)close(ends[1]);
		(void)!read(ends[0], &c, 1);
		(void)close(ends[0]);
		_exit(count_descriptors());
	}
	ok(score_of(getpid()) == score && score_of(pid) == child_score,
	    "scores of parent and child: %d, %d", score_of(getpid()), score_of(pid));
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == descriptors, "nothing is left open in it");
}

int
main(void)
{
	const int before = score_of(getpid()), descriptors = count_descriptors();

	if (before < 0 || before > 100) {
		printf("1..0 # SKIP this process has the score %d\n", before);
		return 0;
	}
	fork_one(before, before, descriptors);
	if (!ok(set_score("501"), "a score that leaves no room"))
		return tap_done();
	victim_prepare();
	fork_one(501, 501, descriptors);
	ok(set_score("100"), "a score above 0");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	victim_prepare();
	ok(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0, "it does not become dumpable");
	fork_one(100, 600, descriptors);
	fork_one(100, 600, descriptors);
	ok(victim_fork(fail_to_fork) < 0 && score_of(getpid()) == 100,
	    "without a child the parent keeps its score");
	return tap_done();
}
