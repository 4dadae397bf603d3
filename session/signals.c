// SPDX-License-Identifier: ISC
/*
 * Signals become a readable descriptor, so that whoever waits in poll(2) wakes up, and
 * a flag, so that whoever is busy can look.  Decides nothing; called by smtp-handler.c and listen.c.
 */
#include "session/signals.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

volatile sig_atomic_t signals_stop, signals_reload;

static volatile sig_atomic_t wake_fd = -1;

static void
caught(int number)
{
	const int saved = errno;
	const uint64_t one = 1;

	if (number == SIGHUP)
		signals_reload = 1;
	else if (number != SIGCHLD)
		signals_stop = 1;
	/* Non-blocking; when it cannot be counted up further, it is readable already. */
	if (wake_fd >= 0 && write(wake_fd, &one, sizeof one) < 0)
		errno = 0;
	errno = saved;
}

static void
handle(int number, void (*handler)(int))
{
	/* Restarted calls: only poll(2), which never restarts, has to notice; an fsync(2) has not. */
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	(void)sigaction(number, &action, NULL);
}

int
signals_catch(enum signals_for whom)
{
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (whom == SIGNALS_LISTENER) {
		handle(SIGHUP, caught);
		handle(SIGCHLD, caught);
	} else if (wake_fd >= 0) {	/* forked by a listener: that descriptor is the listener's */
		(void)close(wake_fd);
		handle(SIGHUP, SIG_IGN);
		handle(SIGCHLD, SIG_DFL);
	}
	wake_fd = fd;
	handle(SIGTERM, caught);
	handle(SIGINT, caught);
	handle(SIGPIPE, SIG_IGN);	/* a client that is gone, and a file that may not */
	handle(SIGXFSZ, SIG_IGN);	/* grow, are errors of write(2) */
	return fd;
}

void
signals_drain(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof count) < 0)
		errno = 0;
}
