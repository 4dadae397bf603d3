// SPDX-License-Identifier: ISC
/*
 * Sessions a second of a listener: "accept ROUNDS PROGRAM... [-o OPTION]..." starts each handler as
 * a listener, and by turns has two clients open ROUNDS sessions of greeting and QUIT.  It prints
 * the median of the turns, and the CPU time of the listener and its sessions for one session, which
 * other processes of the machine hardly change.  The clients are strangers: limits count them.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define TURNS	    41
#define CLIENTS	    2
#define PROGRAMS_MAX 8
#define WORDS_MAX    40

struct listener {
	const char *program;
	pid_t pid;
	struct sockaddr_in address;
	int64_t rates[TURNS];
};

/* In the child: become the program, with the options. */
static _Noreturn void
become(const char *program, char *const *options)
{
	static const char *const first[] = {
		"--print", "-c", "/dev/null", "-o", "server.trusted=192.0.2.1",
	};
	const char *argv[WORDS_MAX + 1] = { program };
	size_t n = 1;

	for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
		argv[n++] = first[i];
	while (*options && n < WORDS_MAX)
		argv[n++] = *options++;
	(void)execv(program, (char *const *)(uintptr_t)argv);
	abort();
}

static void
start(struct listener *l, char *const *options)
{
	socklen_t len = sizeof l->address;
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	l->address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (struct sockaddr *)&l->address, len) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&l->address, &len) < 0)
		abort();
	l->pid = fork();
	if (l->pid == 0) {
		char pid[16];

		(void)snprintf(pid, sizeof pid, "%d", getpid());
		if (dup2(fd, 3) < 0 || !freopen("/dev/null", "w", stdout) ||
		    !freopen("/dev/null", "w", stderr) || setenv("LISTEN_PID", pid, 1) < 0 ||
		    setenv("LISTEN_FDS", "1", 1) < 0)
			abort();
		become(l->program, options);
	}
	(void)close(fd);
}

static void
visit(const struct listener *l)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	/* Few sessions a minute and address are allowed to one client. */
	struct sockaddr_in from = { .sin_family = AF_INET };
	char text[256];
	ssize_t n;

	from.sin_addr.s_addr = htonl((127U << 24) + 256 + (uint32_t)(random() & 0xfffff));
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) < 0 ||
	    connect(fd, (const struct sockaddr *)&l->address, sizeof l->address) < 0)
		abort();
	n = read(fd, text, sizeof text);
	if (n < 4 || memcmp(text, "220 ", 4) != 0 || write(fd, "QUIT\r\n", 6) != 6)
		abort();
	while (read(fd, text, sizeof text) > 0)
		;
	(void)close(fd);
}

static void
take_turn(struct listener *l, int turn, unsigned rounds)
{
	const int64_t before_us = clock_us();
	int64_t us;

	for (int i = 0; i < CLIENTS; i++)
		if (fork() == 0) {
			srandom((unsigned)(turn * CLIENTS + i + getpid()));
			for (unsigned j = 0; j < rounds; j++)
				visit(l);
			_exit(0);
		}
	for (int i = 0; i < CLIENTS; i++)
		(void)wait(NULL);
	us = clock_us() - before_us;
	l->rates[turn] = (int64_t)rounds * CLIENTS * 1000000 / (us ? us : 1);
}

static int
compare(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void
report(struct listener *l, unsigned rounds)
{
	struct rusage used;
	int64_t us;

	(void)kill(l->pid, SIGTERM);
	if (wait4(l->pid, NULL, 0, &used) < 0)
		abort();
	us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * INT64_C(1000000) +
	    used.ru_utime.tv_usec + used.ru_stime.tv_usec;
	qsort(l->rates, TURNS, sizeof l->rates[0], compare);
	printf("%-40s %5lld sessions/s, %4lld us CPU a session\n", l->program,
	    (long long)l->rates[TURNS / 2],
	    (long long)(us / ((int64_t)rounds * CLIENTS * TURNS)));
}

int
main(int argc, char **argv)
{
	static struct listener listeners[PROGRAMS_MAX];
	const unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
	int n = 0;

	while (n + 2 < argc && argv[n + 2][0] != '-')
		n++;
	if (rounds == 0 || n < 1 || n > PROGRAMS_MAX) {
		(void)fprintf(stderr, "usage: accept ROUNDS PROGRAM... [-o OPTION]...\n");
		return 1;
	}
	for (int i = 0; i < n; i++) {
		listeners[i].program = argv[i + 2];
		start(&listeners[i], argv + 2 + n);
	}
	for (int turn = 0; turn < TURNS; turn++)
		for (int i = 0; i < n; i++)
			take_turn(&listeners[(i + turn) % n], turn, rounds);
	for (int i = 0; i < n; i++)
		report(&listeners[i], rounds);
	return 0;
}
