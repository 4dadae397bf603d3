// SPDX-License-Identifier: ISC
#include "dns/record.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "tests/lib/tap.h"

static const struct {
	const char *name;
	enum dns_type type;
	const char *address, *target, *text;
	uint16_t preference;
	size_t octets;			/* of a cache entry */
} cases[] = {
	{ .name = "A", .type = DNS_A, .address = "192.0.2.1", .octets = 4 },
	{ .name = "AAAA", .type = DNS_AAAA, .address = "2001:db8::1", .octets = 16 },
	{ .name = "MX",
	  .type = DNS_MX, .target = "mx1.example", .preference = 65535, .octets = 3 + 11 },
	{ .name = "null MX", .type = DNS_MX, .target = "", .octets = 3 },
	{ .name = "TXT", .type = DNS_TXT, .text = "v=spf1 -all", .octets = 2 + 11 },
	{ .name = "an empty TXT", .type = DNS_TXT, .text = "", .octets = 2 },
	{ .name = "PTR", .type = DNS_PTR, .target = "host.example", .octets = 1 + 12 },
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
	if (cases[i].text)
		r->text = strdup(cases[i].text);
	if (cases[i].type == DNS_A) {
		in->sin_family = AF_INET;
		(void)inet_pton(AF_INET, cases[i].address, &in->sin_addr);
	} else if (cases[i].type == DNS_AAAA) {
		in6->sin6_family = AF_INET6;
		(void)inet_pton(AF_INET6, cases[i].address, &in6->sin6_addr);
	}
}

static bool
same_record(const struct dns_record *a, const struct dns_record *b)
{
	return a->type == b->type && a->preference == b->preference &&
	    !memcmp(a->target, b->target, sizeof a->target) &&
	    !memcmp(&a->address, &b->address, sizeof a->address) && !a->text == !b->text &&
	    (!a->text || !strcmp(a->text, b->text));
}

/* A TXT record of n strings of 255 octets each, and one more. */
static char *
parsed_text(size_t n, const char *last)
{
	ldns_rr *rr = ldns_rr_new();
	uint8_t octets[256];
	struct dns_record record = { 0 };

	ldns_rr_set_type(rr, LDNS_RR_TYPE_TXT);
	memset(octets, 'x', sizeof octets);
	octets[0] = 255;
	for (size_t i = 0; i < n; i++)
		(void)ldns_rr_push_rdf(
		    rr, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, sizeof octets, octets));
	octets[0] = (uint8_t)strlen(last);
	memcpy(octets + 1, last, octets[0]);
	(void)ldns_rr_push_rdf(
	    rr, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, octets[0] + 1U, octets));
	ok(record_parse(rr, &record), "a TXT record of %zu strings", n + 1);
	ldns_rr_free(rr);
	return record.text;
}

static void
test_text(void)
{
	char *text = parsed_text(1, "end");

	ok(text && strlen(text) == 258 && !strcmp(text + 255, "end"), "the strings are one text");
	free(text);
	text = parsed_text(30, "end");
	ok(text && strlen(text) == 4096, "a long one is cut");
	free(text);
	text = parsed_text(0, "");
	ok(text && !*text, "an empty one");
	free(text);
}

int
main(void)
{
	test_text();
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
		    same_record(&record, &back), "%s from octets", cases[i].name);
		free(back.text);
		for (size_t n = 0; n < b.n; n++) {
			rest = slice_of(space, n);
			damaged |= record_take(cases[i].type, &rest, &back);
		}
		ok(!damaged, "%s cut short anywhere", cases[i].name);
		b = (struct buf){ .p = space, .cap = cases[i].octets - 1 };
		ok(!record_put(&record, &b), "%s without room", cases[i].name);
		free(record.text);
	}
	ok(record_type(LDNS_RR_TYPE_DNAME) && !record_type(LDNS_RR_TYPE_DNAME)->parse,
	    "DNAME comes with other records");
	ok(!record_type(DNS_TLSA)->put && !record_type(DNS_CNAME)->put,
	    "what decides about TLS is not kept in the cache");
	return tap_done();
}
