// SPDX-License-Identifier: ISC
/*
 * A session without a place for its socket finds it closed, and counts for its own machine.
 */
#include "shared/tally_desk.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/passing.h"

#define OTHERS	16		/* descriptors that this process has for itself */
#define AT_ONCE 64

static int
watch_fd(const struct tally_desk *d, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

/* How many sockets may this process have? */
static size_t
count_places(void)
{
	struct rlimit limit = { .rlim_cur = 0 };

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);		/* a unit may forbid it */
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur <= OTHERS)
		return 0;
	return limit.rlim_cur < TALLY_SESSIONS_MAX + OTHERS ? (size_t)limit.rlim_cur - OTHERS :
	    TALLY_SESSIONS_MAX;
}

int
tally_desk_open(struct tally_desk *d, int fd)
{
	d->fd = fd;
	d->epoll = -1;
	d->n = 0;
	d->max = count_places();
	if (fd < 0)
		return 0;
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	return d->epoll < 0 ? -errno : watch_fd(d, fd);
}

/* Any descriptor may be passed: answers go to a socket that was made for them. */
static bool
is_fit(int fd)
{
	int type = 0, domain = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

static void
hang_up(struct tally_desk *d, size_t i)
{
	/* The session may still have this end too, so closing it would not remove it. */
	(void)epoll_ctl(d->epoll, EPOLL_CTL_DEL, d->sockets[i].fd, NULL);
	(void)close(d->sockets[i].fd);
	d->sockets[i] = d->sockets[--d->n];
}

static void
hang_up_fd(struct tally_desk *d, int fd)
{
	for (size_t i = d->n; i-- > 0;)
		if (d->sockets[i].fd == fd)
			hang_up(d, i);
}

/* A session has one socket: the last one that it has passed. */
static bool
keep_socket(struct tally_desk *d, const struct passed *passed)
{
	for (size_t i = d->n; i-- > 0;)
		if (d->sockets[i].pid == passed->pid)
			hang_up(d, i);
	if (d->n >= d->max || passed->pid <= 0 || !is_fit(passed->fd) ||
	    watch_fd(d, passed->fd) < 0)
		return false;
	d->sockets[d->n++] = (struct tally_socket){ passed->pid, passed->fd };
	return true;
}

static void
take_socket(struct tally_desk *d)
{
	char octet;
	struct passed passed;
	const ssize_t n = passing_take(d->fd, &octet, 1, MSG_DONTWAIT, &passed);

	if (n == 0 && passing_ended(d->fd))	/* no session is left, and no listener */
		(void)epoll_ctl(d->epoll, EPOLL_CTL_DEL, d->fd, NULL);
	if (passed.fd >= 0 && !keep_socket(d, &passed))
		(void)close(passed.fd);
}

static bool
take_query(struct tally_desk *d, int fd, struct tally_call *ret)
{
	unsigned char octets[TALLY_OCTETS + 1];
	const ssize_t n = recv(fd, octets, sizeof octets, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0 && tally_parse(octets, (size_t)n, &ret->query)) {
		ret->fd = fd;
		return true;
	}
	hang_up_fd(d, fd);
	return false;
}

size_t
tally_desk_take(struct tally_desk *d, struct tally_call *ret, size_t max)
{
	struct epoll_event events[AT_ONCE];
	const int n = d->epoll < 0 ? 0 :
	    epoll_wait(d->epoll, events, max < AT_ONCE ? (int)max : AT_ONCE, 0);
	size_t taken = 0;

	for (int i = 0; i < n; i++)
		if (events[i].data.fd == d->fd)
			take_socket(d);
		else if (take_query(d, events[i].data.fd, &ret[taken]))
			taken++;
	return taken;
}

void
tally_desk_answer(const struct tally_call *call, enum tally_result result)
{
	const struct tally_answer answer = { call->query.number, result };
	unsigned char octets[TALLY_ANSWER_OCTETS];

	tally_answer_encode(&answer, octets);
	/* A session that takes no answer has stopped waiting for it. */
	(void)send(call->fd, octets, sizeof octets, MSG_DONTWAIT | MSG_NOSIGNAL);
}
