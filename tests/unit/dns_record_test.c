// SPDX-License-Identifier: ISC
#include "dns/record.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/lib/tap.h"

static const struct {
	const char *name;
	enum dns_type type;
	const char *address, *target;
	uint16_t preference;
	size_t octets;			/* of a cache entry */
} cases[] = {
	{ .name = "A", .type = DNS_A, .address = "192.0.2.1", .octets = 4 },
	{ .name = "AAAA", .type = DNS_AAAA, .address = "2001:db8::1", .octets = 16 },
	{ .name = "MX",
	  .type = DNS_MX, .target = "mx1.example", .preference = 65535, .octets = 3 + 11 },
	{ .name = "null MX", .type = DNS_MX, .target = "", .octets = 3 },
};

static void
make(size_t i, struct dns_record *r)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&r->address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&r->address;

	memset(r, 0, sizeof *r);
	r->type = cases[i].type;
	r->preference = cases[i].preference;
	if (cases[i].target)
		memcpy(r->target, cases[i].target, strlen(cases[i].target));
	if (cases[i].type == DNS_A) {
		in->sin_family = AF_INET;
		(void)inet_pton(AF_INET, cases[i].address, &in->sin_addr);
	} else if (cases[i].type == DNS_AAAA) {
		in6->sin6_family = AF_INET6;
		(void)inet_pton(AF_INET6, cases[i].address, &in6->sin6_addr);
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dns_record record, back;
		struct slice rest;
		char space[300];
		struct buf b = BUF(space);
		bool damaged = false;

		make(i, &record);
		ok(record_put(&record, &b) && b.n == cases[i].octets, "%s as octets",
		    cases[i].name);
		rest = buf_slice(&b);
		ok(record_take(cases[i].type, &rest, &back) && rest.n == 0 &&
		    memcmp(&record, &back, sizeof back) == 0, "%s from octets", cases[i].name);
		for (size_t n = 0; n < b.n; n++) {
			rest = slice_of(space, n);
			damaged |= record_take(cases[i].type, &rest, &back);
		}
		ok(!damaged, "%s cut short anywhere", cases[i].name);
		b = (struct buf){ .p = space, .cap = cases[i].octets - 1 };
		ok(!record_put(&record, &b), "%s without room", cases[i].name);
	}
	ok(record_type(LDNS_RR_TYPE_CNAME) && !record_type(LDNS_RR_TYPE_CNAME)->parse,
	    "CNAME comes with other records");
	ok(!record_type(LDNS_RR_TYPE_TXT), "TXT is ignored in answers");
	return tap_done();
}
