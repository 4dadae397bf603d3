// SPDX-License-Identifier: ISC
/*
 * The header is read from the socket itself, exactly to its end: TLS may follow.
 */
#include "session/balancer.h"

#include <errno.h>
#include <poll.h>

#include "base/cidr.h"
#include "base/clock.h"
#include "net/proxy.h"
#include "session/signals.h"

#define HEADER_WAIT_MS 10000	/* longer than any timeout of HAProxy */

/* At most n octets, until until_ms.  Their number, or -errno. */
static ssize_t
read_some(int fd, char *p, size_t n, int64_t until_ms)
{
	struct pollfd in = { .fd = fd, .events = POLLIN };
	const int left_ms = clock_left_ms(until_ms);
	ssize_t got;

	if (signals_stop)
		return -ECANCELED;
	if (left_ms == 0)
		return -ETIMEDOUT;
	if (poll(&in, 1, left_ms) <= 0)
		return 0;
	got = recv(fd, p, n, MSG_DONTWAIT);
	if (got == 0)
		return -ECONNRESET;
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return got;
}

bool
balancer_is(const struct config *config, const struct peer *peer)
{
	return peer->kind != PEER_PIPE && config_is_balancer(config, peer_sockaddr(peer));
}

int
balancer_ask(int fd, struct peer *peer)
{
	const int64_t until_ms = clock_ms() + HEADER_WAIT_MS;
	char header[PROXY_HEADER_MAX], space[80];
	struct buf text = BUF(space);
	struct proxy proxy;
	size_t n = 0, more = 0;
	int r;

	while ((r = proxy_parse(slice_of(header, n), &proxy, &more)) == 0) {
		const ssize_t got = read_some(fd, header + n, more, until_ms);

		if (got < 0)
			return (int)got;
		n += (size_t)got;
	}
	if (r < 0 || !proxy.named)
		return r < 0 ? r : 0;
	address_text(&text, (const struct sockaddr *)&proxy.client);
	return peer_set(peer, buf_slice(&text)) ? 1 : -EINVAL;
}
