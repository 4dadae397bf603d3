// SPDX-License-Identifier: ISC
/*
 * A child that logs, with a prepared descriptor 2.  Connections to /dev/log and the journal reach
 * sockets of the test: link with --wrap=connect.
 */
#ifndef TESTS_UNIT_LOG_RUN_H
#define TESTS_UNIT_LOG_RUN_H

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/tap.h"

int __real_connect(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len);

static struct sockaddr_un journal_at = { .sun_family = AF_UNIX };
/* Abstract addresses; none if sun_path[1] is NUL. */
static struct sockaddr_un syslog_at = { .sun_family = AF_UNIX };
static int syslogd = -1;

int
__wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	const struct sockaddr_un *to = (const struct sockaddr_un *)(const void *)sa;

	if (to->sun_family == AF_UNIX && len >= sizeof *to && strcmp(to->sun_path, "/dev/log") == 0)
		return __real_connect(fd, (struct sockaddr *)&syslog_at, sizeof syslog_at);
	if (to->sun_family == AF_UNIX && len >= sizeof *to &&
	    strcmp(to->sun_path, "/run/systemd/journal/socket") == 0)
		return __real_connect(fd, (struct sockaddr *)&journal_at, sizeof journal_at);
	errno = EINVAL;
	return -1;
}

__attribute__((unused)) static void
start_syslogd(void)
{
	(void)snprintf(syslog_at.sun_path + 1, sizeof syslog_at.sun_path - 1,
	    "smtp-handler-log-test-%d", (int)getpid());
	syslogd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (syslogd < 0 || bind(syslogd, (struct sockaddr *)&syslog_at, sizeof syslog_at) < 0)
		exit(1);
}

/* The octets that can be read from fd without waiting. */
__attribute__((unused)) static struct slice
drain(int fd, char *room, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;
	ssize_t got;

	while (n < size && poll(&p, 1, 0) > 0 && (got = read(fd, room + n, size - n)) > 0)
		n += (size_t)got;
	return slice_of(room, n);
}

static pid_t child;

__attribute__((unused)) static void
run(void (*body)(void), int fd2)
{
	int status = -1;

	(void)fflush(stdout);
	child = fork();
	if (child < 0)
		exit(1);
	if (child == 0) {
		if (fd2 >= 0)
			(void)dup2(fd2, 2);
		else
			(void)close(2);
		body();
		_exit(0);
	}
	ok(waitpid(child, &status, 0) == child && status == 0, "the child lives");
}

__attribute__((unused)) static void
one_line(void)
{
	struct log_line l;

	log_open("test");
	errno = ERANGE;
	log_begin(&l, LOG_LEVEL_INFO, "event");
	log_str(&l, "key", SL("value"));
	log_uint(&l, "n", 42);
	log_end(&l);
	if (errno != ERANGE)
		_exit(1);
}

__attribute__((unused)) static void
is_line(struct slice got, const char *before, const char *after)
{
	char text[3000];
	struct buf want = BUF(text);

	buf_fmt(&want, "%stest[%d]: %s", before, (int)child, after);
	is(got, buf_slice(&want), "the line");
}

#endif
