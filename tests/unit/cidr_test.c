// SPDX-License-Identifier: ISC
#include "base/cidr.h"

#include <netinet/in.h>

#include "tests/lib/tap.h"

static const struct {
	const char *net, *address;
	bool valid, match;
} nets[] = {
	{ .net = "127.0.0.0/8", .address = "127.0.0.1", .valid = true, .match = true },
	{ .net = "127.0.0.0/8", .address = "127.255.255.255", .valid = true, .match = true },
	{ .net = "127.0.0.0/8", .address = "128.0.0.1", .valid = true },
	{ .net = "127.0.0.1", .address = "127.0.0.1", .valid = true, .match = true },
	{ .net = "127.0.0.1", .address = "127.0.0.2", .valid = true },
	{ .net = "192.0.2.129/25", .address = "192.0.2.255", .valid = true, .match = true },
	{ .net = "192.0.2.129/25", .address = "192.0.2.127", .valid = true },
	{ .net = "192.0.2.0/31", .address = "192.0.2.1", .valid = true, .match = true },
	{ .net = "192.0.2.0/31", .address = "192.0.2.2", .valid = true },
	{ .net = "0.0.0.0/0", .address = "203.0.113.9", .valid = true, .match = true },
	{ .net = "0.0.0.0/0", .address = "2001:db8::1", .valid = true },
	{ .net = "0.0.0.0/0", .address = "::ffff:203.0.113.9", .valid = true, .match = true },
	{ .net = "::/0", .address = "2001:db8::1", .valid = true, .match = true },
	{ .net = "::/0", .address = "192.0.2.1", .valid = true },
	{ .net = "::/0", .address = "::ffff:192.0.2.1", .valid = true },
	{ .net = "::1", .address = "::1", .valid = true, .match = true },
	{ .net = "::1", .address = "::2", .valid = true },
	{ .net = "2001:db8::/32", .address = "2001:db8:ffff::1", .valid = true, .match = true },
	{ .net = "2001:db8::/32", .address = "2001:db9::1", .valid = true },
	{ .net = "2001:db8:0:8000::/49", .address = "2001:db8:0:ffff::1", .valid = true,
	  .match = true },
	{ .net = "2001:db8:0:8000::/49", .address = "2001:db8:0:7fff::1", .valid = true },
	{ .net = "[2001:db8::]/32", .address = "2001:db8::1", .valid = true, .match = true },
	{ .net = "[::1]", .address = "::1", .valid = true, .match = true },
	{ .net = "192.0.2.0/24", .address = "::ffff:192.0.2.7", .valid = true, .match = true },
	{ .net = "::ffff:192.0.2.0/120", .address = "192.0.2.7", .valid = true, .match = true },
	{ .net = "::ffff:0:0/96", .address = "203.0.113.1", .valid = true, .match = true },
	{ .net = "127.0.0.0/33" },
	{ .net = "::1/129" },
	{ .net = "127.0.0.1/" },
	{ .net = "127.0.0.1/+8" },
	{ .net = "127.0.0.1/ 8" },
	{ .net = "127.1/8" },
	{ .net = "256.0.0.1" },
	{ .net = "1.2.3.4.5" },
	{ .net = "::1::" },
	{ .net = "[::1" },
	{ .net = "::1]" },
	{ .net = "[]" },
	{ .net = "[" },
	{ .net = "" },
	{ .net = "/8" },
	{ .net = "localhost" },
	{ .net = "fe80::1%lo" },
	{ .net = "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000" },
};

static void
check_overlaps(void)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} rows[] = {
		{ "10.0.0.0/8", "10.1.2.3", true },
		{ "10.0.0.0/8", "11.0.0.0/8", false },
		{ "10.0.0.0/9", "10.128.0.0/9", false },
		{ "10.0.0.0/8", "10.128.0.0/9", true },
		{ "0.0.0.0/0", "::/0", false },
		{ "0.0.0.0/0", "192.0.2.1", true },
		{ "::ffff:192.0.2.0/120", "192.0.2.7", true },
		{ "2001:db8::/33", "2001:db8:8000::/33", false },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::1", "2001:db8::2", false },
	};
	char space[100];
	struct buf text;
	struct cidr a, b;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		ok(cidr_parse(slice_str(rows[i].a), &a) && cidr_parse(slice_str(rows[i].b), &b) &&
		    cidr_overlap(&a, &b) == rows[i].overlap &&
		    cidr_overlap(&b, &a) == rows[i].overlap,
		    "%s and %s %s", rows[i].a, rows[i].b, rows[i].overlap ? "overlap" : "do not");
		text = (struct buf)BUF(space);
		cidr_text(&text, &a);
		ok(slice_eq(buf_slice(&text), slice_str(rows[i].a)) || a.bits == 24, "as text");
	}
}

static void
check_nets(void)
{
	for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
		struct sockaddr_storage ss;
		socklen_t len;
		struct cidr net = { .bits = 77 };
		bool valid = cidr_parse(slice_str(nets[i].net), &net);

		ok(valid == nets[i].valid, "net '%s'", nets[i].net);
		if (!valid) {
			ok(net.bits == 77, "net '%s' leaves the result alone", nets[i].net);
			continue;
		}
		ok(address_parse(slice_str(nets[i].address), 25, &ss, &len) &&
		    cidr_match(&net, (struct sockaddr *)&ss) == nets[i].match,
		    "%s %s %s", nets[i].address, nets[i].match ? "in" : "not in", nets[i].net);
	}
}

static const struct {
	const char *in, *text;	/* text NULL: refused */
	int port;
} addresses[] = {
	{ .in = "192.0.2.1", .text = "192.0.2.1", .port = 53 },
	{ .in = "192.0.2.1:25", .text = "192.0.2.1", .port = 25 },
	{ .in = "192.0.2.1@5353", .text = "192.0.2.1", .port = 5353 },
	{ .in = "[192.0.2.1]", .text = "192.0.2.1", .port = 53 },
	{ .in = "[192.0.2.1]:25", .text = "192.0.2.1", .port = 25 },
	{ .in = "127.0.0.1:0", .text = "127.0.0.1", .port = 0 },
	{ .in = "255.255.255.255:65535", .text = "255.255.255.255", .port = 65535 },
	{ .in = "2001:DB8::1", .text = "2001:db8::1", .port = 53 },
	{ .in = "2001:db8::1:25", .text = "2001:db8::1:25", .port = 53 },
	{ .in = "2001:db8::1@25", .text = "2001:db8::1", .port = 25 },
	{ .in = "[2001:db8::1]:25", .text = "2001:db8::1", .port = 25 },
	{ .in = "[2001:db8::1]@25", .text = "2001:db8::1", .port = 25 },
	{ .in = "[2001:db8::1]", .text = "2001:db8::1", .port = 53 },
	{ .in = "[::]:2525", .text = "::", .port = 2525 },
	{ .in = "::ffff:192.0.2.1", .text = "192.0.2.1", .port = 53 },
	{ .in = "fe80::1%1", .text = "fe80::1%1", .port = 53 },
	{ .in = "fe80::1%lo", .text = "fe80::1%1", .port = 53 },
	{ .in = "[fe80::1%lo]:25", .text = "fe80::1%1", .port = 25 },
	{ .in = "fe80::1%7@25", .text = "fe80::1%7", .port = 25 },
	{ .in = "192.0.2.1:" },
	{ .in = "192.0.2.1@" },
	{ .in = "192.0.2.1:65536" },
	{ .in = "192.0.2.1:-1" },
	{ .in = "192.0.2.1:25x" },
	{ .in = "192.0.2.1%1" },
	{ .in = "[192.0.2.1" },
	{ .in = "[192.0.2.1]25" },
	{ .in = "[192.0.2.1]:" },
	{ .in = "[::1]]" },
	{ .in = "fe80::1%" },
	{ .in = "fe80::1%0" },
	{ .in = "fe80::1%no-such-interface" },
	{ .in = "fe80::1%nosuchif0" },
	{ .in = "::1%1%1" },
	{ .in = "localhost" },
	{ .in = "localhost:25" },
	{ .in = "" },
	{ .in = ":25" },
	{ .in = "@" },
	{ .in = "[" },
	{ .in = "[]" },
};

static void
check_addresses(void)
{
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		struct sockaddr_storage ss;
		socklen_t len = 0;
		char text[64];
		struct buf b = BUF(text);

		if (!addresses[i].text) {
			ok(!address_parse(slice_str(addresses[i].in), 53, &ss, &len),
			    "address '%s' refused", addresses[i].in);
			continue;
		}
		if (!ok(address_parse(slice_str(addresses[i].in), 53, &ss, &len), "address '%s'",
		    addresses[i].in))
			continue;
		address_text(&b, (struct sockaddr *)&ss);
		is(buf_slice(&b), slice_str(addresses[i].text), addresses[i].text);
		ok(address_port((struct sockaddr *)&ss) == addresses[i].port, "port of '%s'",
		    addresses[i].in);
		ok(len ==
		    (ss.ss_family == AF_INET ? sizeof(struct sockaddr_in)
						 : sizeof(struct sockaddr_in6)),
		    "length of '%s'", addresses[i].in);
	}
}

static void
check_unmap(void)
{
	struct sockaddr_storage ss;
	socklen_t len;

	ok(address_parse(SL("[::ffff:192.0.2.1]:587"), 0, &ss, &len) && ss.ss_family == AF_INET6,
	    "mapped is IPv6");
	address_unmap(&ss, &len);
	ok(ss.ss_family == AF_INET && len == sizeof(struct sockaddr_in), "unmapped is IPv4");
	ok(address_port((struct sockaddr *)&ss) == 587, "unmapped keeps its port");
	ok(address_parse(SL("2001:db8::1"), 1, &ss, &len), "parse");
	address_unmap(&ss, &len);
	ok(ss.ss_family == AF_INET6 && len == sizeof(struct sockaddr_in6), "other IPv6 stays");
	address_set_port((struct sockaddr *)&ss, 2525);
	ok(address_port((struct sockaddr *)&ss) == 2525, "set port of IPv6");
}

static const struct {
	const char *text;
	bool loopback;
} loopbacks[] = {
	{ .text = "127.0.0.1", .loopback = true },
	{ .text = "127.255.255.255", .loopback = true },
	{ .text = "::1", .loopback = true },
	{ .text = "::ffff:127.0.0.1", .loopback = true },
	{ .text = "126.255.255.255" },
	{ .text = "128.0.0.1" },
	{ .text = "::2" },
	{ .text = "::" },
	{ .text = "::ffff:192.0.2.1" },
	{ .text = "2001:db8::1" },
	{ .text = "0.0.0.0" },
};

static void
check_loopback(void)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	socklen_t len;

	ok(!address_is_loopback(&ss), "AF_UNIX is not loopback");
	for (size_t i = 0; i < sizeof loopbacks / sizeof loopbacks[0]; i++)
		ok(address_parse(slice_str(loopbacks[i].text), 1, &ss, &len) &&
		    address_is_loopback(&ss) == loopbacks[i].loopback,
		    "loopback: %s", loopbacks[i].text);
}

static void
check_other_families(void)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	struct cidr all = { .family = AF_INET };
	char text[64];
	struct buf b = BUF(text);

	address_text(&b, (struct sockaddr *)&ss);
	ok(b.n == 0, "no text for AF_UNIX");
	ok(address_port((struct sockaddr *)&ss) == 0, "no port for AF_UNIX");
	ok(!cidr_match(&all, (struct sockaddr *)&ss), "AF_UNIX is in no network");
	ok(!address_parse(slice_of("::1\0", 4), 1, &ss, &(socklen_t){ 0 }), "NUL refused");
}

int
main(void)
{
	check_nets();
	check_overlaps();
	check_addresses();
	check_unmap();
	check_loopback();
	check_other_families();
	return tap_done();
}
