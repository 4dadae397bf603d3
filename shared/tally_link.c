// SPDX-License-Identifier: ISC
#include "shared/tally_link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/passing.h"
#include "shared/shared.h"

#define AGAIN_MS 1000

void
tally_link_close(struct tally_link *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
}

static bool
open_link(struct tally_link *l)
{
	int fds[2], r;

	if (l->fd >= 0)
		return true;
	if (l->desk < 0 || socketpair(AF_UNIX, TALLY_SOCKET, 0, fds) < 0)
		return false;
	r = passing_send(l->desk, "", 1, fds[1], MSG_DONTWAIT);
	(void)close(fds[1]);
	l->fd = fds[0];
	if (r < 0)
		tally_link_close(l);
	return r == 0;
}

static bool
send_query(const struct tally_link *l, const struct tally_query *q)
{
	unsigned char octets[TALLY_OCTETS];

	tally_encode(q, octets);
	return send(l->fd, octets, sizeof octets, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof octets;
}

/* The next answer.  1; 0: not in time; -1: the socket is of no use. */
static int
next_answer(const struct tally_link *l, int64_t until_ms, struct tally_answer *ret)
{
	unsigned char octets[TALLY_ANSWER_OCTETS + 1];
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	const int left_ms = clock_left_ms(until_ms);
	ssize_t n;

	if (left_ms == 0 || poll(&p, 1, left_ms) == 0)
		return 0;
	n = recv(l->fd, octets, sizeof octets, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return next_answer(l, until_ms, ret);
	return n > 0 && tally_answer_parse(octets, (size_t)n, ret) ? 1 : -1;
}

/* An answer to an earlier query comes late. */
static enum tally_result
take_answer(struct tally_link *l, uint32_t number, int64_t until_ms)
{
	struct tally_answer answer;
	int r;

	while ((r = next_answer(l, until_ms, &answer)) > 0)
		if (answer.number == number)
			return answer.result;
	if (r < 0)
		tally_link_close(l);
	return TALLY_UNKNOWN;
}

enum tally_result
tally_take(struct tally_link *l, struct slice user, enum tally_what what, uint64_t most,
    int64_t time_s)
{
	const int64_t until_ms = clock_ms() + SHARED_WAIT_MS;
	struct tally_query q = { .number = l->number + 1, .what = what, .most = (uint32_t)most,
		.time_s = (uint32_t)time_s, .n = (uint8_t)user.n };
	enum tally_result result = TALLY_UNKNOWN;

	if (clock_ms() < l->again_ms || user.n == 0 || user.n > TALLY_NAME_MAX)
		return TALLY_UNKNOWN;
	memcpy(q.name, user.p, user.n);
	if (open_link(l)) {
		l->number++;
		if (send_query(l, &q))
			result = take_answer(l, q.number, until_ms);
		else
			tally_link_close(l);
	}
	if (result == TALLY_UNKNOWN)
		l->again_ms = clock_ms() + AGAIN_MS;
	return result;
}
