// SPDX-License-Identifier: ISC
#include "strangers/remark.h"

#include "base/cidr.h"
#include "tests/lib/tap.h"

static const struct {
	const char *name;
	enum remark_kind kind;
	uint32_t ms;
	const char *address;
	struct slice octets;
} cases[] = {
	{ "an IPv4 address", REMARK_ADDRESS, 0, "192.0.2.1",
	    S("\1\4\0\0\0\0\0\0\300\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "an IPv6 address", REMARK_ADDRESS, 0, "2001:db8::1",
	    S("\1\6\0\0\0\0\0\0\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1") },
	{ "a failed login", REMARK_LOGIN, 0, NULL,
	    S("\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "idle for 1000 ms", REMARK_IDLE, 1000, NULL,
	    S("\5\0\0\0\0\0\3\350\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "idle for the longest time", REMARK_IDLE, UINT32_MAX, NULL,
	    S("\5\0\0\0\377\377\377\377\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "busy", REMARK_BUSY, 0, NULL,
	    S("\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
};

static const struct {
	const char *name;
	struct slice octets;
} bad[] = {
	{ "nothing", S("") },
	{ "one octet short", S("\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "one octet long", S("\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "kind 0", S("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "kind 7", S("\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "kind 255", S("\377\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "an address of no family", S("\1\0\0\0\0\0\0\0\300\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "octets behind an IPv4 address",
	    S("\1\4\0\0\0\0\0\0\300\0\2\1\1\0\0\0\0\0\0\0\0\0\0\0") },
	{ "an address of a failure", S("\2\4\0\0\0\0\0\0\300\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "a time of a busy session", S("\6\0\0\0\0\0\3\350\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct remark r = { .kind = cases[i].kind, .ms = cases[i].ms }, got = { 0 };
		unsigned char octets[REMARK_OCTETS];
		socklen_t len;

		if (cases[i].address)
			(void)address_parse(slice_str(cases[i].address), 0, &r.address, &len);
		remark_encode(&r, octets);
		is(slice_of((const char *)octets, sizeof octets), cases[i].octets, cases[i].name);
		ok(remark_parse(octets, sizeof octets, &got) && got.kind == r.kind &&
		    got.ms == r.ms && memcmp(&got.address, &r.address, sizeof r.address) == 0,
		    "%s, read again", cases[i].name);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct remark got;

		ok(!remark_parse(bad[i].octets.p, bad[i].octets.n, &got), "no remark: %s",
		    bad[i].name);
	}
	return tap_done();
}
