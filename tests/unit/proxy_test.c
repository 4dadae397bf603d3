// SPDX-License-Identifier: ISC
/* net/proxy: each header whole, and octet by octet. */
#include "net/proxy.h"

#include <errno.h>

#include "base/cidr.h"
#include "tests/lib/tap.h"

#define V2(command, family, length) "\r\n\r\n\0\r\nQUIT\n" command family "\0" length
#define A4 "\xc0\x00\x02\x07\x0a\x00\x00\x01\xc3\x50\x00\x19"
#define A6 \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07" \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" \
	"\xc3\x50\x00\x19"

static const struct {
	const char *name;
	struct slice in;
	int want;
	const char *client;	/* NULL: the header names no client */
} cases[] = {
	{ .name = "tcp4", .in = S("PROXY TCP4 192.0.2.7 10.0.0.1 50000 25\r\n"), .want = 1,
	    .client = "192.0.2.7" },
	{ .name = "tcp6", .in = S("PROXY TCP6 2001:db8::7 2001:db8::1 50000 25\r\n"), .want = 1,
	    .client = "2001:db8::7" },
	{ .name = "longest",
	    .in = S("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	    .want = 1, .client = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ .name = "unknown", .in = S("PROXY UNKNOWN\r\n"), .want = 1 },
	{ .name = "unknown_with_more", .in = S("PROXY UNKNOWN ffff::1 whatever 1\r\n"), .want = 1 },
	{ .name = "mapped", .in = S("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:10.0.0.1 50000 25\r\n"),
	    .want = 1, .client = "192.0.2.7" },
	{ .name = "lower_case", .in = S("proxy tcp4 192.0.2.7 10.0.0.1 50000 25\r\n"),
	    .want = -EINVAL },
	{ .name = "udp", .in = S("PROXY UDP4 192.0.2.7 10.0.0.1 50000 25\r\n"), .want = -EINVAL },
	{ .name = "no_port", .in = S("PROXY TCP4 192.0.2.7 10.0.0.1 50000\r\n"), .want = -EINVAL },
	{ .name = "port_too_large", .in = S("PROXY TCP4 192.0.2.7 10.0.0.1 65536 25\r\n"),
	    .want = -EINVAL },
	{ .name = "port_with_zero", .in = S("PROXY TCP4 192.0.2.7 10.0.0.1 050 25\r\n"),
	    .want = -EINVAL },
	{ .name = "two_blanks", .in = S("PROXY TCP4  192.0.2.7 10.0.0.1 50000 25\r\n"),
	    .want = -EINVAL },
	{ .name = "blank_at_the_end", .in = S("PROXY TCP4 192.0.2.7 10.0.0.1 50000 25 \r\n"),
	    .want = -EINVAL },
	{ .name = "address_with_zero", .in = S("PROXY TCP4 192.0.2.07 10.0.0.1 50000 25\r\n"),
	    .want = -EINVAL },
	{ .name = "wrong_family", .in = S("PROXY TCP4 2001:db8::7 2001:db8::1 50000 25\r\n"),
	    .want = -EINVAL },
	{ .name = "nul", .in = S("PROXY TCP4 192.0.2.7\0 10.0.0.1 50000 25\r\n"), .want = -EINVAL },
	{ .name = "a_name", .in = S("PROXY TCP4 localhost 10.0.0.1 50000 25\r\n"),
	    .want = -EINVAL },
	{ .name = "cr_inside", .in = S("PROXY TCP4 192.0.2.7\r10.0.0.1 50000 25\r\n"),
	    .want = -EINVAL },
	{ .name = "lf_alone",
	    .in = S("PROXY UNKNOWN\n"
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"01234567890123456789012345"),
	    .want = -EINVAL },
	{ .name = "nothing_known", .in = S("PROXY \r\n"), .want = -EINVAL },
	{ .name = "smtp", .in = S("EHLO client.example\r\n"), .want = -EINVAL },
	{ .name = "almost", .in = S("PROXXY TCP4"), .want = -EINVAL },
	{ .name = "v2_tcp4", .in = S(V2("\x21", "\x11", "\x0c") A4), .want = 1,
	    .client = "192.0.2.7" },
	{ .name = "v2_tcp6", .in = S(V2("\x21", "\x21", "\x24") A6), .want = 1,
	    .client = "2001:db8::7" },
	{ .name = "v2_tcp4_with_more", .in = S(V2("\x21", "\x11", "\x10") A4 "\x04\x00\x01x"),
	    .want = 1, .client = "192.0.2.7" },
	{ .name = "v2_local", .in = S(V2("\x20", "\0", "\0")), .want = 1 },
	{ .name = "v2_local_with_addresses", .in = S(V2("\x20", "\x11", "\x0c") A4), .want = 1 },
	{ .name = "v2_unspec", .in = S(V2("\x21", "\0", "\0")), .want = 1 },
	{ .name = "v2_unix_stream", .in = S(V2("\x21", "\x31", "\x03") "abc"), .want = 1 },
	{ .name = "v2_udp", .in = S(V2("\x21", "\x12", "\x0c") A4), .want = -EINVAL },
	{ .name = "v2_short",
	    .in = S(V2("\x21", "\x11", "\x0b") "\xc0\x00\x02\x07\x0a\x00\x00\x01\xc3\x50\x00"),
	    .want = -EINVAL },
	{ .name = "v2_version_1", .in = S(V2("\x11", "\x11", "\x0c") A4), .want = -EINVAL },
	{ .name = "v2_command_2", .in = S(V2("\x22", "\x11", "\x0c") A4), .want = -EINVAL },
	{ .name = "v2_too_long", .in = S("\r\n\r\n\0\r\nQUIT\n\x21\x11\x0f\xf1"), .want = -EINVAL },
	{ .name = "v2_almost", .in = S("\r\n\r\n\0\r\nQUIT\r\n"), .want = -EINVAL },
};

/* Feed as many octets as proxy_parse asks for. */
static int
grow(struct slice in, struct proxy *ret)
{
	size_t n = 0, more = 0;
	int r;

	while ((r = proxy_parse(slice_of(in.p, n), ret, &more)) == 0) {
		if (more == 0 || n + more > PROXY_HEADER_MAX)
			return -ERANGE;
		if (n == in.n)
			return 0;
		n = n + more < in.n ? n + more : in.n;
	}
	return r == 1 && n != in.n ? -EOVERFLOW : r;
}

static void
check_one(size_t i)
{
	char space[80];
	struct buf text = BUF(space);
	struct proxy whole = { 0 }, grown = { 0 };
	size_t more = 0;
	int r = proxy_parse(cases[i].in, &whole, &more), s = grow(cases[i].in, &grown);

	ok(r == cases[i].want && s == r, "%s (%d, %d)", cases[i].name, r, s);
	if (r != 1)
		return;
	ok(whole.named == (cases[i].client != NULL) && grown.named == whole.named, "%s: named",
	    cases[i].name);
	if (whole.named)
		address_text(&text, (const struct sockaddr *)&whole.client);
	is(buf_slice(&text), slice_str(cases[i].client), cases[i].name);
	for (size_t n = 0; n < cases[i].in.n; n++)
		if (proxy_parse(slice_of(cases[i].in.p, n), &grown, &more) != 0 || more == 0 ||
		    n + more > cases[i].in.n)
			ok(false, "%s: cut after %zu octets", cases[i].name, n);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		check_one(i);
	return tap_done();
}
