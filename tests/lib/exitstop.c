// SPDX-License-Identifier: ISC
/*
 * "exitstop PID POINT FROM TO" renames FROM to TO while a process ends.  It prints "ready", counts
 * the moments before and after each system call of the process, and stops it at POINT of them for
 * the rename.  If the process has ended by then, each point stands for 200 us after its end.
 * Prints the moments of the process that were counted, and the time of the rename in microseconds.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POINT_US 200

static long
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
begin_trace(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, pid, NULL,
	    (void *)(long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT)) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 ||
	    waitpid(pid, &status, __WALL) != pid)
		return -1;
	return (int)ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
}

/* Lets the process go on until that moment, or to its end.  The moments that were counted. */
static long
run_to(pid_t pid, long point)
{
	long count = 0, signal;
	int status;

	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		signal = status >> 16 ? 0 : WSTOPSIG(status);
		if (status >> 16 == PTRACE_EVENT_EXIT)
			break;
		if (signal == (SIGTRAP | 0x80)) {
			signal = 0;
			if (++count == point)
				break;
		}
		if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)signal) < 0)
			break;
	}
	return count;
}

int
main(int argc, char **argv)
{
	const pid_t pid = argc == 5 ? (pid_t)strtol(argv[1], NULL, 10) : 0;
	const long point = argc == 5 ? strtol(argv[2], NULL, 10) : 0;
	bool over;
	long count;

	if (pid <= 0 || begin_trace(pid) < 0) {
		puts("failed");
		return 1;
	}
	puts("ready");
	(void)fflush(stdout);
	count = run_to(pid, point);
	over = count < point;
	if (over) {
		(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
		(void)usleep((useconds_t)(point - count) * POINT_US);
	}
	if (rename(argv[3], argv[4]) < 0) {
		perror(argv[3]);
		return 1;
	}
	printf("%ld %ld\n", count, now_us());
	if (!over)
		(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return 0;
}
