// SPDX-License-Identifier: ISC
/*
 * The cost of a fresh process for each connection.  "startup [ROUNDS] [CONFIG]" starts the handler
 * and the empty program by turns, on a socket as inetd does.  It prints the medians in
 * microseconds, from before the fork to the handler's first octet and to the empty program's end.
 * The target is a ratio of at most 1.5.  The handler linked at a fixed address, without relocations
 * at its start, shows the cost of its random address.  The handler enters its sandbox after the
 * greeting, so a second line has the time to the end of a session that only quits.
 *
 * Each round has an order of its own: a program starts 5 % faster after a small one than after a
 * large one, whose memory is freed meanwhile.
 *
 * With THAN=FOLDER, the smtp-handler of that folder takes its turns too, for a comparison.
 */
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define ROUNDS_MAX 100000

static int log_fd;

struct times {
	int64_t greeting_us;	/* until the program can be read from: it has greeted or ended */
	int64_t end_us;		/* of a session that quits */
};

static struct times
start(const char *const *argv)
{
	char *const *const words = (char *const *)(uintptr_t)argv;
	posix_spawn_file_actions_t actions;
	const int64_t before = clock_us();
	struct times times;
	int pair[2];
	char text[512];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	if (posix_spawn_file_actions_init(&actions) != 0 ||
	    posix_spawn_file_actions_adddup2(&actions, pair[1], 0) != 0 ||
	    posix_spawn_file_actions_adddup2(&actions, pair[1], 1) != 0 ||
	    posix_spawn_file_actions_adddup2(&actions, log_fd, 2) != 0 ||
	    posix_spawn(&pid, argv[0], &actions, NULL, words, environ) != 0)
		abort();
	(void)close(pair[1]);
	if (read(pair[0], text, sizeof text) < 0)
		abort();
	times.greeting_us = clock_us() - before;
	if (send(pair[0], "QUIT\r\n", 6, MSG_NOSIGNAL) == 6)
		while (read(pair[0], text, sizeof text) > 0)
			;
	(void)close(pair[0]);
	(void)waitpid(pid, NULL, 0);
	times.end_us = clock_us() - before;
	(void)posix_spawn_file_actions_destroy(&actions);
	return times;
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

static void
print(const char *name, int64_t *times, size_t n)
{
	printf("%-32s median %4lld us  (10%%: %lld, 90%%: %lld)\n", name,
	    (long long)at_percent(times, n, 50), (long long)at_percent(times, n, 10),
	    (long long)at_percent(times, n, 90));
}

enum { HANDLER, FIXED, EMPTY, OTHER, PROGRAMS };

static int64_t us[PROGRAMS][ROUNDS_MAX], end_us[PROGRAMS][ROUNDS_MAX];

static void
print_all(size_t rounds, int programs)
{
	print("empty program, to its end", us[EMPTY], rounds);
	print("smtp-handler, to its 220", us[HANDLER], rounds);
	print("the same at a fixed address", us[FIXED], rounds);
	printf("ratio                            %.2f\n",
	    (double)at_percent(us[HANDLER], rounds, 50) /
	        (double)at_percent(us[EMPTY], rounds, 50));
	print("smtp-handler, to its end", end_us[HANDLER], rounds);
	if (programs <= OTHER)
		return;
	print("the other, to its 220", us[OTHER], rounds);
	print("the other, to its end", end_us[OTHER], rounds);
}

static void
shuffle(int *order, int n)
{
	for (int i = 0; i < n; i++)
		order[i] = i;
	for (int i = n - 1; i > 0; i--) {
		const int other = (int)(random() % (i + 1)), had = order[i];

		order[i] = order[other];
		order[other] = had;
	}
}

static void
take_turns(size_t round, int programs, const char *const *paths, const char *config)
{
	int order[PROGRAMS];

	shuffle(order, programs);
	for (int k = 0; k < programs; k++) {
		const int i = order[k];
		const char *const handler[] = { paths[i], "-c", config, NULL };
		const char *const empty[] = { paths[i], NULL };
		const struct times times = start(i == EMPTY ? empty : handler);

		us[i][round] = times.greeting_us;
		end_us[i][round] = times.end_us;
	}
}

int
main(int argc, char **argv)
{
	static const char *const files[] = {
		"smtp-handler", "bench/smtp-handler-fixed", "bench/empty", "smtp-handler"
	};
	const char *build = getenv("BUILD"), *than = getenv("THAN");
	const int programs = than ? PROGRAMS : OTHER;
	const long asked = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
	const size_t rounds = asked > 0 && asked <= ROUNDS_MAX ? (size_t)asked : 1000;
	static char space[PROGRAMS][PATH_MAX];
	const char *paths[PROGRAMS];

	log_fd = open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	for (int i = 0; i < programs; i++) {
		(void)snprintf(space[i], sizeof space[i], "%s/%s",
		    i == OTHER ? than : build ? build : "build", files[i]);
		paths[i] = space[i];
		if (log_fd < 0 || access(paths[i], X_OK) < 0) {
			fprintf(stderr, "startup: needs %s and a writable /tmp\n", paths[i]);
			return 1;
		}
	}
	for (size_t round = 0; round < rounds; round++)
		take_turns(round, programs, paths, argc > 2 ? argv[2] : "/dev/null");
	print_all(rounds, programs);
	return 0;
}
