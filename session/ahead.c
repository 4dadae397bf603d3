// SPDX-License-Identifier: ISC
/*
 * While one client is served, the process for the next is forked on another processor.  If all
 * processors have sessions, that would only take time from them.
 *
 * The process has the rights of its listener, but not its sockets.  The listener accepts a client
 * and checks its limits as always; then it passes the descriptor on.  The process ends if the other
 * end of its socket is closed, so none outlives its listener.
 */
#include "session/ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/passing.h"
#include "base/victim.h"

#define OFTEN_MS 100		/* between two clients: then the start of a process matters */

static void
forget_process(struct ahead *a)
{
	a->pid = a->fd = a->number = -1;
}

void
ahead_init(struct ahead *a)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);

	*a = (struct ahead){ .processors = processors > 0 ? (size_t)processors : 1 };
	forget_process(a);
}

void
ahead_note(struct ahead *a, size_t sessions)
{
	const int64_t now_ms = clock_ms();

	a->wanted = a->pid < 0 && now_ms < a->until_ms && sessions < a->processors;
	a->until_ms = now_ms + OFTEN_MS;
}

int
ahead_left_ms(const struct ahead *a)
{
	if (a->wanted)
		return 0;
	return a->pid < 0 ? -1 : clock_left_ms(a->until_ms);
}

int
ahead_open(struct ahead *a)
{
	int fds[2];

	a->wanted = false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	/* A client that is accepted without such a process gets this number, too. */
	a->number = fds[0];
	a->fd = fds[1];
	return 0;
}

pid_t
ahead_fork(struct ahead *a)
{
	const pid_t pid = victim_fork(fork);
	const int ours = a->number, its = a->fd;

	if (pid == 0) {
		(void)close(ours);
		return 0;
	}
	(void)close(its);
	a->pid = pid;
	a->fd = ours;
	if (pid < 0)
		ahead_drop(a);
	return pid;
}

int
ahead_wait(const struct ahead *a)
{
	struct passed passed;
	char octet;
	const ssize_t n = passing_take(a->fd, &octet, sizeof octet, 0, &passed);
	int fd = n > 0 ? passed.fd : -1;

	/* The filter of system calls is ready for that number. */
	if (fd >= 0 && fd != a->number) {
		fd = fcntl(passed.fd, F_DUPFD_CLOEXEC, a->number);
		(void)close(passed.fd);
	}
	(void)close(a->fd);
	return fd;
}

pid_t
ahead_give(struct ahead *a, int client)
{
	const pid_t pid = a->pid;
	const bool given = pid > 0 && passing_send(a->fd, "", 1, client, MSG_DONTWAIT) == 0;

	ahead_drop(a);
	return given ? pid : -1;
}

void
ahead_drop(struct ahead *a)
{
	if (a->fd >= 0)
		(void)close(a->fd);
	forget_process(a);
}

void
ahead_expire(struct ahead *a)
{
	if (a->pid >= 0 && clock_left_ms(a->until_ms) == 0)
		ahead_drop(a);
}
