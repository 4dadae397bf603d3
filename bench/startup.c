// SPDX-License-Identifier: ISC
/*
 * The cost of a fresh process for each connection.  "startup [ROUNDS] [CONFIG]" starts the handler
 * and the empty program by turns, on a socket as inetd does.  It prints the medians in
 * microseconds, from before the fork to the handler's first octet and to the empty program's end.
 * The target is a ratio of at most 1.5.
 */
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define ROUNDS_MAX 100000

static int log_fd;

/* Microseconds until the program can be read from: it has greeted or ended. */
static int64_t
start(char *const argv[])
{
	posix_spawn_file_actions_t actions;
	const int64_t before = clock_us();
	int64_t after;
	int pair[2];
	char octet;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	if (posix_spawn_file_actions_init(&actions) != 0 ||
	    posix_spawn_file_actions_adddup2(&actions, pair[1], 0) != 0 ||
	    posix_spawn_file_actions_adddup2(&actions, pair[1], 1) != 0 ||
	    posix_spawn_file_actions_adddup2(&actions, log_fd, 2) != 0 ||
	    posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0)
		abort();
	(void)close(pair[1]);
	if (read(pair[0], &octet, 1) < 0)
		abort();
	after = clock_us();
	(void)close(pair[0]);
	(void)waitpid(pid, NULL, 0);
	(void)posix_spawn_file_actions_destroy(&actions);
	return after - before;
}

static int
compare(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int64_t
at_percent(int64_t *times, size_t n, size_t percent)
{
	qsort(times, n, sizeof *times, compare);
	return times[n * percent / 100];
}

int
main(int argc, char **argv)
{
	static int64_t handler_us[ROUNDS_MAX], empty_us[ROUNDS_MAX];
	const char *build = getenv("BUILD");
	const long asked = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
	const size_t rounds = asked > 0 && asked <= ROUNDS_MAX ? (size_t)asked : 1000;
	char handler[PATH_MAX], empty[PATH_MAX], c[] = "-c", null[] = "/dev/null";
	char *const handler_argv[] = { handler, c, argc > 2 ? argv[2] : null, NULL };
	char *const empty_argv[] = { empty, NULL };

	(void)snprintf(handler, sizeof handler, "%s/smtp-handler", build ? build : "build");
	(void)snprintf(empty, sizeof empty, "%s/bench/empty", build ? build : "build");
	log_fd = open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (log_fd < 0 || access(handler, X_OK) < 0 || access(empty, X_OK) < 0) {
		fprintf(stderr, "startup: needs %s, %s and a writable /tmp\n", handler, empty);
		return 1;
	}
	for (size_t i = 0; i < rounds; i++) {
		handler_us[i] = start(handler_argv);
		empty_us[i] = start(empty_argv);
	}
	printf("empty program, to its end    median %4lld us  (10%%: %lld, 90%%: %lld)\n",
	    (long long)at_percent(empty_us, rounds, 50),
	    (long long)at_percent(empty_us, rounds, 10),
	    (long long)at_percent(empty_us, rounds, 90));
	printf("smtp-handler, to its 220     median %4lld us  (10%%: %lld, 90%%: %lld)\n",
	    (long long)at_percent(handler_us, rounds, 50),
	    (long long)at_percent(handler_us, rounds, 10),
	    (long long)at_percent(handler_us, rounds, 90));
	printf("ratio                        %.2f\n",
	    (double)at_percent(handler_us, rounds, 50) / (double)at_percent(empty_us, rounds, 50));
	return 0;
}
