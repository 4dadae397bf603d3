// SPDX-License-Identifier: ISC
/*
 * The race.  The connects are non-blocking and start a little apart; one poll(2) waits for all of
 * them.  The first target that sends an octet wins.  Not one octet of the winner's greeting may be
 * read here.
 */
#include "net/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cidr.h"
#include "base/clock.h"

enum runner_state { WAITING_TO_START, CONNECTING, LISTENING, OVER };

struct runner {
	enum runner_state state;
	int64_t start_us, connected_us;
};

struct race {
	struct dial_target *targets;
	struct runner runners[DIAL_MAX];
	size_t n, started;
	const struct dial_options *o;
	const char *goodbye;
	int64_t begin_us;
	/* Delay in ms of the target to start now, because another one failed; -1: none failed. */
	int hurry_ms;
	/* End of the wait for losers; valid after there is a winner. */
	int64_t end_us;
	int winner;
};

static void
fail_target(struct race *race, size_t i, int error)
{
	struct dial_target *t = &race->targets[i];

	t->state = DIAL_FAILED;
	t->error = error;
	if (t->fd >= 0)
		(void)close(t->fd);
	t->fd = -1;
	race->runners[i].state = OVER;
	if (race->started < race->n)
		race->hurry_ms = race->targets[race->started].delay_ms;
}

/* Hang up politely.  Unread input would cause a reset, so the greeting is read first. */
static void
hang_up(struct race *race, size_t i)
{
	struct dial_target *t = &race->targets[i];
	char greeting[1024];

	if (race->runners[i].connected_us && race->goodbye && !race->o->silent) {
		(void)recv(t->fd, greeting, sizeof greeting, MSG_DONTWAIT);
		(void)send(t->fd, race->goodbye, strlen(race->goodbye),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	(void)close(t->fd);
	t->fd = -1;
	race->runners[i].state = OVER;
}

static int
bind_source(const struct race *race, int fd, sa_family_t family)
{
	int on = 1;

	for (size_t i = 0; i < race->o->nbind; i++) {
		const struct sockaddr_storage *source = &race->o->bind[i];

		if (source->ss_family != family)
			continue;
		/* IP_BIND_ADDRESS_NO_PORT: connections to different peers may share the port. */
		(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
		if (bind(fd, (const struct sockaddr *)source, address_len(family)) < 0)
			return -errno;
		break;
	}
	return 0;
}

static void
start_target(struct race *race, size_t i)
{
	struct dial_target *t = &race->targets[i];
	struct runner *runner = &race->runners[i];
	int on = 1, r;

	race->started++;
	runner->start_us = clock_us();
	t->fd = socket(t->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0) {
		fail_target(race, i, errno);
		return;
	}
	r = bind_source(race, t->fd, t->address.ss_family);
	if (r < 0) {
		fail_target(race, i, -r);
		return;
	}
	/* Small commands after a large message must not wait for its acknowledgement. */
	(void)setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	runner->state = CONNECTING;
	if (connect(t->fd, (const struct sockaddr *)&t->address, t->address_len) < 0 &&
	    errno != EINPROGRESS)
		fail_target(race, i, errno);
}

/* Note the first octet of a target, or its connection if targets are silent. */
static void
note_first_octet(struct race *race, size_t i, int64_t now_us)
{
	struct dial_target *t = &race->targets[i];
	struct runner *runner = &race->runners[i];
	int64_t most_us = now_us + (int64_t)race->o->linger_max_ms * 1000;

	t->state = DIAL_OPEN;
	t->first_us = now_us - runner->start_us;
	if (race->winner >= 0) {
		hang_up(race, i);
		return;
	}
	runner->state = OVER;
	race->winner = (int)i;
	race->end_us = runner->start_us + t->first_us * race->o->linger_factor;
	if (race->end_us > most_us)
		race->end_us = most_us;
}

static void
note_connected(struct race *race, size_t i, int64_t now_us)
{
	struct dial_target *t = &race->targets[i];
	struct runner *runner = &race->runners[i];
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error) {
		fail_target(race, i, error);
		return;
	}
	runner->state = LISTENING;
	runner->connected_us = now_us;
	t->connect_us = now_us - runner->start_us;
	if (race->o->silent)
		note_first_octet(race, i, now_us);
}

static void
peek_octet(struct race *race, size_t i, int64_t now_us)
{
	struct dial_target *t = &race->targets[i];
	char octet;
	ssize_t n = recv(t->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fail_target(race, i, n < 0 ? errno : ECONNRESET);
		return;
	}
	note_first_octet(race, i, now_us);
}

/* The time to give target i up. */
static int64_t
give_up_us(const struct race *race, size_t i)
{
	const struct runner *runner = &race->runners[i];

	if (runner->state == CONNECTING)
		return runner->start_us + (int64_t)race->o->connect_timeout_ms * 1000;
	return runner->connected_us + (int64_t)race->o->first_timeout_ms * 1000;
}

static int64_t
next_start_us(const struct race *race)
{
	const int delay_ms = race->targets[race->started].delay_ms;

	if (delay_ms <= race->hurry_ms)
		return race->begin_us;
	return race->begin_us + (int64_t)delay_ms * 1000;
}

static bool
is_running(const struct race *race, size_t i)
{
	return race->runners[i].state == CONNECTING || race->runners[i].state == LISTENING;
}

/* Start the targets that are due and give up those that are overdue.  Returns the timeout for
 * poll(2) in ms, or -1 if the race is over. */
static int
schedule_race(struct race *race)
{
	int64_t now_us = clock_us(), next_us = INT64_MAX;
	bool any = false;

	for (size_t i = 0; i < race->started; i++)
		if (is_running(race, i) && give_up_us(race, i) <= now_us)
			fail_target(race, i, ETIMEDOUT);
	if (race->winner >= 0) {
		if (race->end_us <= now_us)
			return -1;
		next_us = race->end_us;
	} else {
		while (race->started < race->n && next_start_us(race) <= now_us)
			start_target(race, race->started);
		if (race->started < race->n)
			next_us = next_start_us(race);
	}
	for (size_t i = 0; i < race->started; i++) {
		if (!is_running(race, i))
			continue;
		any = true;
		if (give_up_us(race, i) < next_us)
			next_us = give_up_us(race, i);
	}
	if (!any)
		return -1;
	next_us = (next_us - now_us + 999) / 1000;
	return next_us > INT_MAX ? INT_MAX : (int)next_us;
}

static void
wait_and_look(struct race *race, int sleep_ms)
{
	struct pollfd fds[DIAL_MAX];
	int64_t now_us;

	for (size_t i = 0; i < race->started; i++) {
		fds[i].fd = is_running(race, i) ? race->targets[i].fd : -1;
		fds[i].events = race->runners[i].state == CONNECTING ? POLLOUT : POLLIN;
		fds[i].revents = 0;
	}
	if (poll(fds, (nfds_t)race->started, sleep_ms) <= 0)
		return;
	now_us = clock_us();
	for (size_t i = 0; i < race->started; i++) {
		if (!fds[i].revents)
			continue;
		if (race->runners[i].state == CONNECTING)
			note_connected(race, i, now_us);
		else
			peek_octet(race, i, now_us);
	}
}

int
dial_race(struct dial_target *targets, size_t n, const struct dial_options *o, const char *goodbye)
{
	struct race race = {
		.targets = targets, .n = n < DIAL_MAX ? n : DIAL_MAX, .o = o, .goodbye = goodbye,
		.winner = -1, .hurry_ms = -1, .begin_us = clock_us(),
	};
	int64_t now_us;
	int sleep_ms;

	for (size_t i = 0; i < n; i++) {
		targets[i].state = DIAL_UNTRIED;
		targets[i].fd = -1;
		targets[i].error = 0;
		targets[i].connect_us = targets[i].first_us = targets[i].waited_us = 0;
	}
	while ((sleep_ms = schedule_race(&race)) >= 0)
		wait_and_look(&race, sleep_ms);
	now_us = clock_us();
	for (size_t i = 0; i < race.started; i++) {
		if (!is_running(&race, i))
			continue;
		targets[i].state = DIAL_SLOW;
		targets[i].waited_us = now_us - race.runners[i].start_us;
		hang_up(&race, i);
	}
	return race.winner;
}

int
dial_socket(const char *path, int timeout_ms)
{
	const struct timeval timeout = {
		.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000,
	};
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r, fd;

	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Blocking until it is connected: if the backlog is full, a Unix socket has no other way to
	 * wait. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
	    fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
		return fd;
	r = errno == EAGAIN ? -ETIMEDOUT : -errno;
	(void)close(fd);
	return r;
}
