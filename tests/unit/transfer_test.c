// SPDX-License-Identifier: ISC
#include "strangers/transfer.h"

#include "base/cidr.h"
#include "tests/lib/tap.h"

static unsigned char octets[TRANSFER_OCTETS];

static void
make(const char *address, const char *name, size_t n)
{
	struct transfer t = { .n = n };
	socklen_t len;

	if (address)
		(void)address_parse(slice_str(address), 0, &t.client, &len);
	if (name)
		memcpy(t.name, name, n);
	else
		memset(t.name, 'x', n);
	transfer_encode(&t, octets);
}

static bool
is_whole(size_t n)
{
	struct transfer t;

	return transfer_parse(octets, sizeof octets, &t) && t.n == n;
}

static bool
is_with(size_t at, unsigned char octet)
{
	const unsigned char before = octets[at];
	struct transfer t;
	bool whole;

	octets[at] = octet;
	whole = transfer_parse(octets, sizeof octets, &t);
	octets[at] = before;
	return whole;
}

int
main(void)
{
	struct transfer t;

	make(NULL, "client.example", 14);
	ok(transfer_parse(octets, sizeof octets, &t) && t.n == 14 &&
	    memcmp(t.name, "client.example", 14) == 0 && t.client.ss_family == AF_UNSPEC,
	    "a name");
	make("192.0.2.1", "c", 1);
	ok(is_whole(1) && transfer_parse(octets, sizeof octets, &t) &&
	    t.client.ss_family == AF_INET, "a client that a balancer has named");
	make("2001:db8::1", "", 0);
	ok(is_whole(0), "no name");
	make(NULL, NULL, TRANSFER_NAME_MAX);
	ok(is_whole(TRANSFER_NAME_MAX), "the longest name");
	octets[REMARK_OCTETS] = (TRANSFER_NAME_MAX + 1) >> 8;
	octets[REMARK_OCTETS + 1] = (TRANSFER_NAME_MAX + 1) & 255;
	ok(!is_whole(TRANSFER_NAME_MAX + 1), "a longer one");
	make("192.0.2.1", "c", 1);
	ok(!transfer_parse(octets, sizeof octets - 1, &t), "one octet short");
	ok(!transfer_parse(octets, REMARK_OCTETS, &t), "a remark");
	ok(!is_with(0, 2), "another remark in front");
	ok(!is_with(1, 5), "an address of no family");
	ok(!is_with(TRANSFER_OCTETS - 1, 1), "octets behind the name");
	ok(!is_with(REMARK_OCTETS + 2, '\n'), "a control character");
	ok(!is_with(REMARK_OCTETS + 2, 127), "another");
	ok(is_with(REMARK_OCTETS + 2, 0xc3), "any other octet");
	return tap_done();
}
