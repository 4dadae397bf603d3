// SPDX-License-Identifier: ISC
/*
 * A signal makes a descriptor readable, which ends poll(2), and sets a flag, which a busy process
 * can test.
 */
#include "session/signals.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

volatile sig_atomic_t signals_stop, signals_reload;

static volatile sig_atomic_t admitted, awaiting;
static volatile sig_atomic_t wake_fd = -1;

/* If the counter is full, the descriptor is readable already. */
static void
make_readable(int fd)
{
	const uint64_t one = 1;

	if (fd >= 0 && write(fd, &one, sizeof one) < 0)
		errno = 0;
}

static void
caught(int number)
{
	const int saved = errno;

	if (number == SIGHUP)
		signals_reload = 1;
	else if (number == SIGURG)
		admitted = 1;
	else if (number != SIGCHLD)
		signals_stop = number;
	/* A readable descriptor ends the session of somebody who does not wait for the signal. */
	if (number != SIGURG || awaiting)
		make_readable(wake_fd);
	errno = saved;
}

static void
set_handler(int number, void (*handler)(int))
{
	/* poll(2) never restarts, and no other call has to notice a signal. */
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	(void)sigaction(number, &action, NULL);
}

void
signals_keep_reload(void)
{
	set_handler(SIGHUP, caught);
}

int
signals_catch(enum signals_for whom)
{
	const bool forked = wake_fd >= 0;	/* by a listener, which uses that descriptor */
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (whom == SIGNALS_LISTENER) {
		set_handler(SIGHUP, caught);
		set_handler(SIGCHLD, caught);
	} else if (forked) {
		(void)close(wake_fd);
		set_handler(SIGHUP, SIG_IGN);
		set_handler(SIGCHLD, SIG_DFL);
	}
	wake_fd = fd;
	if (whom == SIGNALS_SESSION) {
		set_handler(SIGUSR1, caught);
		set_handler(SIGUSR2, caught);
		set_handler(SIGURG, caught);
	}
	if (forked)		/* with these handlers */
		return fd;
	set_handler(SIGTERM, caught);
	set_handler(SIGINT, caught);
	set_handler(SIGPIPE, SIG_IGN);	/* write(2) fails if the client has gone, */
	set_handler(SIGXFSZ, SIG_IGN);	/* and if a file may not grow */
	return fd;
}

void
signals_drain(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof count) < 0)
		errno = 0;
}

void
signals_forget_admission(void)
{
	admitted = 0;
}

void
signals_await_admission(int fd, int wait_ms)
{
	const int64_t until_ms = clock_ms() + wait_ms;
	struct pollfd wake = { .fd = fd, .events = POLLIN };
	int left_ms;

	awaiting = 1;
	while (!admitted && !signals_stop && (left_ms = clock_left_ms(until_ms)) > 0) {
		(void)poll(&wake, 1, left_ms);
		signals_drain(fd);
	}
	awaiting = admitted = 0;
	signals_drain(fd);		/* the signal may have come before the first look */
	if (signals_stop)
		make_readable(fd);
}
