// SPDX-License-Identifier: ISC
/*
 * A process is forked ahead, gets a client, and writes to it.
 */
#include "session/ahead.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/tap.h"

#define ENOUGH_MS 10000

/* The process writes the descriptor of its client to it, and ends with 0; with 3 if it gets none.
 * It has closed a descriptor that its listener has, so its client comes with another number. */
static bool
start(struct ahead *a)
{
	const int other = open("/dev/null", O_RDONLY);
	bool started;

	started = ahead_open(a) == 0 && ahead_fork(a) != 0;
	if (!started && a->pid < 0 && a->fd >= 0) {
		int fd;

		(void)close(other);
		fd = ahead_wait(a);
		_exit(fd < 0 ? 3 : write(fd, &fd, sizeof fd) == sizeof fd ? 0 : 4);
	}
	(void)close(other);
	return started && a->pid > 0;
}

static int
status_of(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
open_descriptors(int fds[2])
{
	return pipe2(fds, O_CLOEXEC) == 0;
}

static void
test_client(void)
{
	struct ahead a;
	int client[2] = { -1, -1 }, got = -1, number;
	pid_t pid;
	struct pollfd in;

	ahead_init(&a);
	ok(start(&a), "a process is forked");
	number = a.number;
	pid = a.pid;
	ok(open_descriptors(client) && ahead_give(&a, client[1]) == pid, "it gets a client");
	(void)close(client[1]);
	in = (struct pollfd){ .fd = client[0], .events = POLLIN };
	if (poll(&in, 1, ENOUGH_MS) == 1 && read(client[0], &got, sizeof got) < 0)
		got = -1;
	ok(got == number, "the client has the number that was foretold: %d, %d", got, number);
	ok(status_of(pid) == 0, "and the process ends by itself");
	ok(a.pid < 0 && ahead_give(&a, client[0]) == -1, "there is none any more");
	(void)close(client[0]);
}

static void
test_no_client(void)
{
	struct ahead a;
	pid_t pid;

	ahead_init(&a);
	ok(start(&a), "another is forked");
	pid = a.pid;
	ahead_drop(&a);
	ok(status_of(pid) == 3, "without a client it ends");
}

static void
test_killed(void)
{
	struct ahead a;
	siginfo_t info;

	ahead_init(&a);
	ok(start(&a) && kill(a.pid, SIGKILL) == 0 &&
	    waitid(P_PID, (id_t)a.pid, &info, WEXITED | WNOWAIT) == 0, "one is killed");
	ok(ahead_give(&a, STDIN_FILENO) == -1, "it takes no client");
	while (wait(NULL) > 0)
		;
}

/* Is the next wanted, after two sessions that are so many then? */
static bool
wants(size_t first, size_t second, size_t processors)
{
	struct ahead a;

	ahead_init(&a);
	a.processors = processors;
	ahead_note(&a, first);
	ok(!a.wanted && ahead_left_ms(&a) == -1, "none is wanted after one client");
	ahead_note(&a, second);
	return a.wanted && ahead_left_ms(&a) == 0;
}

static void
test_wanted(void)
{
	struct ahead a;

	ok(wants(1, 1, 2), "one is wanted after two clients");
	ok(!wants(1, 2, 2), "not if all processors have sessions");
	ok(!wants(1, 1, 1), "never with one processor");
	ahead_init(&a);
	a.processors = 2;
	ahead_note(&a, 1);
	a.until_ms -= 1000;
	ahead_note(&a, 1);
	ok(!a.wanted, "not if clients come seldom");
}

static void
test_expiry(void)
{
	struct ahead a;
	pid_t pid;

	ahead_init(&a);
	ok(start(&a), "one is forked");
	pid = a.pid;
	ahead_note(&a, 1);
	ok(ahead_left_ms(&a) > 0 && !a.wanted, "it is kept for a while, and no second is wanted");
	ahead_expire(&a);
	ok(a.pid == pid, "not less");
	a.until_ms = 1;
	ahead_expire(&a);
	ok(a.pid < 0 && status_of(pid) == 3, "then it ends");
}

int
main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	test_client();
	test_no_client();
	test_killed();
	test_wanted();
	test_expiry();
	return tap_done();
}
