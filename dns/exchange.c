// SPDX-License-Identifier: ISC
/*
 * Sending a question to a server and receiving the reply.  A packet that does not reply to the
 * question is ignored, and the wait goes on.  If a forged packet ended the wait, forging would pay.
 */
#include "dns/exchange.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

int
exchange_open(struct exchange *x, const struct dns_resolver *r, size_t server,
    const struct wire_query *query, bool tcp)
{
	const struct sockaddr *to = (const struct sockaddr *)&r->servers[server];
	int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, error;

	*x = (struct exchange){ .tcp = tcp, .query = query, .start_ms = clock_ms(),
		.events = tcp ? POLLOUT : POLLIN };
	x->fd = socket(to->sa_family, type, 0);
	if (x->fd < 0)
		return -errno;
	if (tcp && !(x->in = malloc(2 + DNS_ANSWER_CAP)))
		goto fail;
	if (connect(x->fd, to, r->server_len[server]) < 0 && !(tcp && errno == EINPROGRESS))
		goto fail;
	if (!tcp && send(x->fd, query->octets, query->n, MSG_NOSIGNAL) < 0)
		goto fail;
	return 0;
fail:
	error = errno;
	exchange_close(x);
	return -error;
}

void
exchange_close(struct exchange *x)
{
	if (x->fd >= 0)
		(void)close(x->fd);
	x->fd = -1;
	free(x->in);
	x->in = NULL;
}

static bool
is_later(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static ssize_t
udp_step(struct exchange *x, uint8_t packet[DNS_ANSWER_CAP])
{
	ssize_t n = recv(x->fd, packet, DNS_ANSWER_CAP, MSG_TRUNC);
	size_t got;

	if (n < 0)
		return is_later() ? 0 : -errno;
	got = (size_t)n < DNS_ANSWER_CAP ? (size_t)n : DNS_ANSWER_CAP;
	if (!wire_replies(x->query, packet, got) && !wire_refuses(x->query, packet, got))
		return 0;
	return n > DNS_ANSWER_CAP ? -EMSGSIZE : n;
}

static ssize_t
tcp_send(struct exchange *x)
{
	uint8_t out[2 + WIRE_QUERY_MAX];
	size_t n = 2 + x->query->n;
	ssize_t sent;

	out[0] = (uint8_t)(x->query->n >> 8);
	out[1] = (uint8_t)x->query->n;
	memcpy(out + 2, x->query->octets, x->query->n);
	sent = send(x->fd, out + x->sent, n - x->sent, MSG_NOSIGNAL);
	if (sent < 0)
		return is_later() ? 0 : -errno;
	x->sent += (size_t)sent;
	if (x->sent == n)
		x->events = POLLIN;
	return 0;
}

static ssize_t
tcp_step(struct exchange *x, uint8_t packet[DNS_ANSWER_CAP])
{
	size_t want = 2;
	ssize_t n;

	if (x->events == POLLOUT)
		return tcp_send(x);
	n = recv(x->fd, x->in + x->got, 2 + DNS_ANSWER_CAP - x->got, 0);
	if (n < 0)
		return is_later() ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	x->got += (size_t)n;
	if (x->got >= 2)
		want = 2 + ((size_t)x->in[0] << 8 | x->in[1]);
	if (want > 2 + DNS_ANSWER_CAP)
		return -EMSGSIZE;
	if (x->got < 2 || x->got < want)
		return 0;
	if (!wire_replies(x->query, x->in + 2, want - 2) &&
	    !wire_refuses(x->query, x->in + 2, want - 2))
		return -EPROTO;
	memcpy(packet, x->in + 2, want - 2);
	return (ssize_t)(want - 2);
}

ssize_t
exchange_step(struct exchange *x, uint8_t packet[DNS_ANSWER_CAP])
{
	return x->tcp ? tcp_step(x, packet) : udp_step(x, packet);
}
