// SPDX-License-Identifier: ISC
/*
 * Accept, fork, reap.  A session is a process that lives as long as its connection, and nothing of
 * the listener but the configuration is left in it.  Called by smtp-handler.c; must not block on a client.
 */
#include "session/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/slice.h"
#include "session/signals.h"

#define FIRST_INHERITED 3	/* SD_LISTEN_FDS_START */
#define REST_MS 250

int
listen_bind(struct listener *l, const struct sockaddr *sa, socklen_t len)
{
	const int one = 1;
	int r, fd;

	if (l->n == LISTEN_MAX)
		return -EMFILE;
	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* A port whose old connections are still in TIME_WAIT is free all the same. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 || bind(fd, sa, len) < 0 ||
	    listen(fd, SOMAXCONN) < 0) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	l->fds[l->n++] = fd;
	return 0;
}

/* A number from the environment; 0 when there is none. */
static uint64_t
env_uint(const char *name)
{
	uint64_t v = 0;

	(void)slice_uint(slice_str(getenv(name)), INT32_MAX, &v);
	return v;
}

static int
socket_option(int fd, int option)
{
	int v = 0;
	socklen_t len = sizeof v;

	return getsockopt(fd, SOL_SOCKET, option, &v, &len) < 0 ? -errno : v;
}

int
listen_inherit(struct listener *l, int *ret_connection)
{
	const uint64_t n = env_uint("LISTEN_PID") == (uint64_t)getpid() ? env_uint("LISTEN_FDS") : 0;

	if (n == 0)
		return 0;
	/* Not for those that we start. */
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	for (int fd = FIRST_INHERITED; fd < FIRST_INHERITED + (int)n; fd++) {
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return -errno;
		if (socket_option(fd, SO_TYPE) != SOCK_STREAM)
			return -EINVAL;
		if (socket_option(fd, SO_ACCEPTCONN) != 1) {
			if (n > 1)
				return -EINVAL;
			*ret_connection = fd;
			return 0;
		}
		if (l->n == LISTEN_MAX)
			return -EMFILE;
		if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
			return -errno;
		l->fds[l->n++] = fd;
	}
	return 0;
}

/* One child that has ended, if any.  True when that is news. */
static bool
reap(struct listener *l, struct listen_news *ret)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < l->nchildren; i++)
			if (l->children[i] == pid) {
				l->children[i] = l->children[--l->nchildren];
				break;
			}
		if (WIFSIGNALED(status)) {
			*ret = (struct listen_news){ .event = LISTEN_DIED, .fd = -1, .error = WTERMSIG(status) };
			return true;
		}
	}
	return false;
}

/* Room to remember one more child. */
static bool
make_room(struct listener *l)
{
	const size_t room = l->room ? 2 * l->room : 64;
	pid_t *children;

	if (l->nchildren < l->room)
		return true;
	children = reallocarray(l->children, room, sizeof *children);
	if (!children)
		return false;
	l->children = children;
	l->room = room;
	return true;
}

/* In the fresh process: let go of what is the listener's. */
static void
leave(struct listener *l)
{
	for (size_t i = 0; i < l->n; i++)
		(void)close(l->fds[i]);
	free(l->children);
	*l = (struct listener){ .wake_fd = -1 };
}

/* A connection is there.  True when that is news. */
static bool
take(struct listener *l, int listening, size_t max, struct listen_news *ret)
{
	const int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	pid_t pid;

	*ret = (struct listen_news){ .fd = fd };
	if (fd < 0) {
		/* Gone again already, or network trouble that is the connection's own (accept(2)). */
		if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
			return false;
		ret->event = LISTEN_TROUBLE;
		ret->error = errno;
		l->rest_until_ms = clock_ms() + REST_MS;
		return true;
	}
	if (l->nchildren >= max) {
		ret->event = LISTEN_FULL;
		return true;
	}
	pid = make_room(l) ? fork() : -1;
	if (pid < 0) {
		ret->event = LISTEN_TROUBLE;
		ret->error = errno;
		return true;
	}
	if (pid == 0) {
		leave(l);
		ret->event = LISTEN_SESSION;
		return true;
	}
	(void)close(fd);
	l->children[l->nchildren++] = pid;
	return false;
}

/* Wait for connections and signals; fills in which socket has one. */
static void
wait_for_any(struct listener *l, struct pollfd *p)
{
	int timeout_ms = -1;

	p[0] = (struct pollfd){ .fd = l->wake_fd, .events = POLLIN };
	for (size_t i = 0; i < l->n; i++)
		p[i + 1] = (struct pollfd){ .fd = l->fds[i], .events = POLLIN };
	if (l->rest_until_ms) {
		timeout_ms = clock_left_ms(l->rest_until_ms);
		for (size_t i = 0; i < l->n; i++)
			p[i + 1].fd = -1;	/* not polled */
	}
	if (poll(p, l->n + 1, timeout_ms) < 0)
		p[0].revents = POLLIN;		/* a signal: look at the flags */
	if (l->rest_until_ms && clock_left_ms(l->rest_until_ms) == 0)
		l->rest_until_ms = 0;
}

void
listen_next(struct listener *l, size_t max, struct listen_news *ret)
{
	struct pollfd p[LISTEN_MAX + 1];

	for (;;) {
		*ret = (struct listen_news){ .fd = -1 };
		if (reap(l, ret))
			return;
		if (signals_stop) {
			ret->event = LISTEN_STOP;
			return;
		}
		if (signals_reload) {
			signals_reload = 0;
			ret->event = LISTEN_RELOAD;
			return;
		}
		wait_for_any(l, p);
		if (p[0].revents) {
			signals_drain(l->wake_fd);
			continue;
		}
		for (size_t i = 0; i < l->n; i++) {
			const size_t at = (l->turn + i) % l->n;

			if (p[at + 1].revents == 0)
				continue;
			l->turn = at + 1;
			if (take(l, l->fds[at], max, ret))
				return;
		}
	}
}

size_t
listen_stop(struct listener *l, int timeout_ms)
{
	const int64_t until_ms = clock_ms() + timeout_ms;
	struct listen_news news;

	for (size_t i = 0; i < l->n; i++)
		(void)close(l->fds[i]);
	l->n = 0;
	for (size_t i = 0; i < l->nchildren; i++)
		(void)kill(l->children[i], SIGTERM);
	for (;;) {
		struct pollfd p = { .fd = l->wake_fd, .events = POLLIN };

		while (reap(l, &news))
			;
		if (l->nchildren == 0 || clock_left_ms(until_ms) == 0)
			return l->nchildren;
		if (poll(&p, 1, clock_left_ms(until_ms)) > 0)
			signals_drain(l->wake_fd);
	}
}
