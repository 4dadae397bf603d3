// SPDX-License-Identifier: ISC
/*
 * The handle of the process.  Each asker has a socket of its own, so a worker that a stranger has
 * taken over cannot reply to another one.
 */
#include "dns/validator.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/foreign.h"
#include "base/passing.h"

#define AGE_MAX_MS 900000
#define DEATHS_MAX 3		/* the process dies again and again: do without */

static bool
is_started(const struct validator *v)
{
	return v->aide.fd > 0;
}

int
validator_fd(const struct validator *v)
{
	return is_started(v) ? v->aide.fd : -1;
}

void
validator_end(struct validator *v)
{
	if (is_started(v))
		aide_end(&v->aide);
}

/* The process ends after the last socket to it is closed. */
static void
let_go(struct validator *v)
{
	(void)close(v->aide.fd);
	v->aide.fd = -1;
}

void
validator_renew(struct validator *v)
{
	if (is_started(v))
		let_go(v);
}

static void
note_death(struct validator *v)
{
	v->deaths = clock_ms() - v->begun_ms < AGE_MAX_MS ? v->deaths + 1 : 1;
	let_go(v);
}

static int
start_process(struct validator *v)
{
	int r;

	if (is_started(v) && clock_ms() - v->begun_ms > AGE_MAX_MS)
		let_go(v);
	if (is_started(v))
		return 0;
	r = aide_start(&v->aide, validator_serve, v);
	v->begun_ms = clock_ms();
	if (r < 0)
		v->aide.fd = -1;
	return r;
}

int
validator_link(struct validator *v)
{
	int pair[2], r = -EPIPE;

	while (r == -EPIPE || r == -ECONNRESET) {
		if (v->deaths >= DEATHS_MAX)
			return 0;
		r = start_process(v);
		if (r < 0)
			return r;
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			return -errno;
		r = passing_send(v->aide.fd, "", 1, pair[1], MSG_DONTWAIT);
		(void)close(pair[1]);
		if (r == 0)
			return pair[0];
		(void)close(pair[0]);
		if (r == -EPIPE || r == -ECONNRESET)
			note_death(v);
	}
	return r;
}

int
validator_news(struct validator *v, struct validator_news *ret)
{
	struct validator_news news;
	ssize_t n;

	if (!is_started(v))
		return 0;
	do
		n = recv(v->aide.fd, &news, sizeof news, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n != sizeof news || !foreign_bool(&news.works) ||
	    !foreign_line(news.why, sizeof news.why)) {
		note_death(v);
		return -EPIPE;
	}
	*ret = news;
	return 1;
}

int
validator_await(struct validator *v, struct validator_news *ret)
{
	struct pollfd p = { .fd = validator_fd(v), .events = POLLIN };
	const int64_t end_ms = clock_ms() + VALIDATOR_WAIT_MS;
	int r = 0;

	while (r == 0 && clock_left_ms(end_ms) > 0)
		if (p.fd < 0 || poll(&p, 1, clock_left_ms(end_ms)) > 0)
			r = p.fd < 0 ? -EPIPE : validator_news(v, ret);
	return r == 1 ? 0 : r < 0 ? r : -ETIMEDOUT;
}
