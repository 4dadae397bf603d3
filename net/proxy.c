// SPDX-License-Identifier: ISC
/*
 * The PROXY protocol: version 1 is a line, version 2 is binary (haproxy.org, proxy-protocol.txt).
 * A header that is not exactly right is refused: it does not come from a balancer.  No I/O.
 */
#include "net/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "base/cidr.h"

#define V1_MAX	107	/* the longest line with its CRLF (section 2.1) */
#define V2_HEAD	16

static const struct slice v1_mark = S("PROXY ");
static const struct slice v2_mark = S("\r\n\r\n\0\r\nQUIT\n");

static struct slice
next_word(struct slice *line)
{
	return slice_cut(*line, ' ', line);
}

/* Parse a port: decimal, without leading zeros. */
static bool
parse_port(struct slice text, in_port_t *ret)
{
	uint64_t v;

	if (!slice_uint(text, UINT16_MAX, &v) || (text.n > 1 && text.p[0] == '0'))
		return false;
	*ret = htons((uint16_t)v);
	return true;
}

static void
set_client(struct proxy *ret, int family, const void *bytes, in_port_t number)
{
	memset(&ret->client, 0, sizeof ret->client);
	if (family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)&ret->client;

		in->sin_family = AF_INET;
		in->sin_port = number;
		memcpy(&in->sin_addr, bytes, sizeof in->sin_addr);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->client;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = number;
		memcpy(&in6->sin6_addr, bytes, sizeof in6->sin6_addr);
	}
	ret->named = true;
}

/* Parse "TCP4 192.0.2.1 192.0.2.2 50000 25", without the mark and CRLF. */
static int
v1_line(struct slice line, struct proxy *ret)
{
	const struct slice what = next_word(&line);
	const int family = slice_eq(what, SL("TCP4")) ? AF_INET : AF_INET6;
	unsigned char source[16], destination[16];
	in_port_t from, to;

	ret->named = false;
	if (slice_eq(what, SL("UNKNOWN")))	/* the rest has no meaning */
		return 1;
	if (family == AF_INET6 && !slice_eq(what, SL("TCP6")))
		return -EINVAL;
	if (!ip_parse(family, next_word(&line), source) ||
	    !ip_parse(family, next_word(&line), destination) ||
	    !parse_port(next_word(&line), &from) || !parse_port(line, &to))
		return -EINVAL;
	set_client(ret, family, source, from);
	return 1;
}

static int
parse_v1(struct slice in, struct proxy *ret, size_t *ret_more)
{
	const char *cr = memchr(in.p, '\r', in.n);
	const size_t n = cr ? (size_t)(cr - in.p) : in.n;

	if (cr && n + 2 == in.n && in.n <= V1_MAX) {
		if (cr[1] != '\n')
			return -EINVAL;
		return v1_line(slice_skip(slice_of(in.p, n), v1_mark.n), ret);
	}
	if (in.n >= V1_MAX || n + 2 < in.n)
		return -EINVAL;
	*ret_more = cr || in.n == V1_MAX - 1 ? 1 : 2;	/* at least the CRLF */
	return 0;
}

static int
parse_v2(struct slice in, struct proxy *ret, size_t *ret_more)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t size, length;

	if (in.n < V2_HEAD) {
		*ret_more = V2_HEAD - in.n;
		return 0;
	}
	length = (size_t)p[14] << 8 | p[15];
	if ((p[12] != 0x20 && p[12] != 0x21) || V2_HEAD + length > PROXY_HEADER_MAX ||
	    in.n > V2_HEAD + length)
		return -EINVAL;
	if (in.n < V2_HEAD + length) {
		*ret_more = V2_HEAD + length - in.n;
		return 0;
	}
	ret->named = false;
	if (p[12] == 0x20)			/* LOCAL: a health check of the balancer */
		return 1;
	switch (p[13]) {
	case 0x00:				/* UNSPEC */
	case 0x31:				/* a Unix socket: no address */
		return 1;
	case 0x11:				/* TCP over IPv4: two addresses, two ports */
	case 0x21:
		size = p[13] == 0x11 ? 4 : 16;
		if (length < 2 * size + 4)
			return -EINVAL;
		set_client(ret, size == 4 ? AF_INET : AF_INET6, p + V2_HEAD,
		    htons((uint16_t)(p[V2_HEAD + 2 * size] << 8 | p[V2_HEAD + 2 * size + 1])));
		return 1;
	default:
		return -EINVAL;
	}
}

int
proxy_parse(struct slice in, struct proxy *ret, size_t *ret_more)
{
	const bool is_v1 = in.n && in.p[0] == 'P';
	const struct slice mark = is_v1 ? v1_mark : v2_mark;
	const size_t n = in.n < mark.n ? in.n : mark.n;

	if (!slice_eq(slice_of(in.p, n), slice_of(mark.p, n)))
		return -EINVAL;
	if (n < mark.n) {
		*ret_more = n ? mark.n - n : 1;
		return 0;
	}
	return is_v1 ? parse_v1(in, ret, ret_more) : parse_v2(in, ret, ret_more);
}
