// SPDX-License-Identifier: ISC
/*
 * A frame that the socket has no room for is lost.
 */
#include "runner/sharing.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "shared/shared.h"

int
sharing_start(struct sharing *s, const struct options *options)
{
	const int fd = shared_start_run(options);

	if (fd < 0)
		return fd;
	*s = (struct sharing){ .state = SHARING_STARTING, .fd = fd, .began_us = clock_us() };
	return 0;
}

bool
sharing_asks(const struct sharing *s)
{
	return s->state == SHARING_STARTING || s->state == SHARING_HERE;
}

bool
sharing_send(const struct sharing *s, const struct talk *t)
{
	char octets[TALK_OCTETS];
	struct buf b = BUF(octets);

	if (s->state == SHARING_OFF)
		return false;
	talk_encode(t, &b);
	return !b.full && send(s->fd, octets, b.n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)b.n;
}

int
sharing_next(const struct sharing *s, char space[TALK_OCTETS + 1], struct talk *ret)
{
	ssize_t n;

	if (s->state == SHARING_OFF)
		return 0;
	n = recv(s->fd, space, TALK_OCTETS + 1, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n > 0 && talk_parse(slice_of(space, (size_t)n), ret) ? 1 : -EPIPE;
}

void
sharing_end(struct sharing *s)
{
	if (s->state != SHARING_OFF)
		(void)close(s->fd);
	s->state = SHARING_OFF;
}
