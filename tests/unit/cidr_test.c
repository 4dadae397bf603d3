// SPDX-License-Identifier: ISC
#include "base/cidr.h"

#include <netinet/in.h>

#include "tests/lib/tap.h"

static const struct {
	const char *net, *address;
	bool valid, match;
} nets[] = {
	{ "127.0.0.0/8", "127.0.0.1", true, true },
	{ "127.0.0.0/8", "127.255.255.255", true, true },
	{ "127.0.0.0/8", "128.0.0.1", true, false },
	{ "127.0.0.1", "127.0.0.1", true, true },
	{ "127.0.0.1", "127.0.0.2", true, false },
	{ "192.0.2.129/25", "192.0.2.255", true, true },
	{ "192.0.2.129/25", "192.0.2.127", true, false },
	{ "192.0.2.0/31", "192.0.2.1", true, true },
	{ "192.0.2.0/31", "192.0.2.2", true, false },
	{ "0.0.0.0/0", "203.0.113.9", true, true },
	{ "0.0.0.0/0", "2001:db8::1", true, false },
	{ "0.0.0.0/0", "::ffff:203.0.113.9", true, true },
	{ "::/0", "2001:db8::1", true, true },
	{ "::/0", "192.0.2.1", true, false },
	{ "::/0", "::ffff:192.0.2.1", true, false },
	{ "::1", "::1", true, true },
	{ "::1", "::2", true, false },
	{ "2001:db8::/32", "2001:db8:ffff::1", true, true },
	{ "2001:db8::/32", "2001:db9::1", true, false },
	{ "2001:db8:0:8000::/49", "2001:db8:0:ffff::1", true, true },
	{ "2001:db8:0:8000::/49", "2001:db8:0:7fff::1", true, false },
	{ "[2001:db8::]/32", "2001:db8::1", true, true },
	{ "[::1]", "::1", true, true },
	{ "192.0.2.0/24", "::ffff:192.0.2.7", true, true },
	{ "::ffff:192.0.2.0/120", "192.0.2.7", true, true },
	{ "::ffff:0:0/96", "203.0.113.1", true, true },
	{ "127.0.0.0/33", NULL, false, false },
	{ "::1/129", NULL, false, false },
	{ "127.0.0.1/", NULL, false, false },
	{ "127.0.0.1/+8", NULL, false, false },
	{ "127.0.0.1/ 8", NULL, false, false },
	{ "127.1/8", NULL, false, false },
	{ "256.0.0.1", NULL, false, false },
	{ "1.2.3.4.5", NULL, false, false },
	{ "::1::", NULL, false, false },
	{ "[::1", NULL, false, false },
	{ "::1]", NULL, false, false },
	{ "[]", NULL, false, false },
	{ "[", NULL, false, false },
	{ "", NULL, false, false },
	{ "/8", NULL, false, false },
	{ "localhost", NULL, false, false },
	{ "fe80::1%lo", NULL, false, false },
	{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL, false, false },
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
	{ "192.0.2.1", "192.0.2.1", 53 },
	{ "192.0.2.1:25", "192.0.2.1", 25 },
	{ "192.0.2.1@5353", "192.0.2.1", 5353 },
	{ "[192.0.2.1]", "192.0.2.1", 53 },
	{ "[192.0.2.1]:25", "192.0.2.1", 25 },
	{ "127.0.0.1:0", "127.0.0.1", 0 },
	{ "255.255.255.255:65535", "255.255.255.255", 65535 },
	{ "2001:DB8::1", "2001:db8::1", 53 },
	{ "2001:db8::1:25", "2001:db8::1:25", 53 },
	{ "2001:db8::1@25", "2001:db8::1", 25 },
	{ "[2001:db8::1]:25", "2001:db8::1", 25 },
	{ "[2001:db8::1]@25", "2001:db8::1", 25 },
	{ "[2001:db8::1]", "2001:db8::1", 53 },
	{ "[::]:2525", "::", 2525 },
	{ "::ffff:192.0.2.1", "192.0.2.1", 53 },
	{ "fe80::1%1", "fe80::1%1", 53 },
	{ "fe80::1%lo", "fe80::1%1", 53 },
	{ "[fe80::1%lo]:25", "fe80::1%1", 25 },
	{ "fe80::1%7@25", "fe80::1%7", 25 },
	{ "192.0.2.1:", NULL, 0 },
	{ "192.0.2.1@", NULL, 0 },
	{ "192.0.2.1:65536", NULL, 0 },
	{ "192.0.2.1:-1", NULL, 0 },
	{ "192.0.2.1:25x", NULL, 0 },
	{ "192.0.2.1%1", NULL, 0 },
	{ "[192.0.2.1", NULL, 0 },
	{ "[192.0.2.1]25", NULL, 0 },
	{ "[192.0.2.1]:", NULL, 0 },
	{ "[::1]]", NULL, 0 },
	{ "fe80::1%", NULL, 0 },
	{ "fe80::1%0", NULL, 0 },
	{ "fe80::1%no-such-interface", NULL, 0 },
	{ "fe80::1%nosuchif0", NULL, 0 },
	{ "::1%1%1", NULL, 0 },
	{ "localhost", NULL, 0 },
	{ "localhost:25", NULL, 0 },
	{ "", NULL, 0 },
	{ ":25", NULL, 0 },
	{ "@", NULL, 0 },
	{ "[", NULL, 0 },
	{ "[]", NULL, 0 },
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
	{ "127.0.0.1", true },
	{ "127.255.255.255", true },
	{ "::1", true },
	{ "::ffff:127.0.0.1", true },
	{ "126.255.255.255", false },
	{ "128.0.0.1", false },
	{ "::2", false },
	{ "::", false },
	{ "::ffff:192.0.2.1", false },
	{ "2001:db8::1", false },
	{ "0.0.0.0", false },
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
