// SPDX-License-Identifier: ISC
/* policy/dane: the decisions of RFC 7672 section 2, each by the answers of the DNS. */
#include "policy/dane.h"

#include "tests/lib/tap.h"

#define QUESTIONS_MAX 2
#define D32 "0123456789abcdef0123456789abcdef"
#define D64 D32 D32

static uint8_t digest[] = D64;

/* Records of an answer: "311" and so on; each has the right length, but for those in lower case. */
struct answer {
	const char *name;		/* the question that is wanted */
	enum dns_type type;
	enum dns_status status;
	enum dns_trust trust;
	const char *records;		/* "311 200"; NULL: none */
};

static const struct row {
	const char *what;
	const char *name, *canonical;
	enum dns_trust exchangers, addresses;
	bool remembered;
	struct answer answers[QUESTIONS_MAX];
	enum dane_verdict verdict;
	const char *base;
	size_t usable;
	const char *why;		/* a part of the chain */
} rows[] = {
	/* The exchangers. */
	{ .what = "an MX record without signature", .exchangers = DNS_INSECURE,
	    .addresses = DNS_SECURE, .why = "its MX record is not signed" },
	{ .what = "nothing is validated", .why = "its MX record is not validated" },
	{ .what = "nothing is validated, and it had records", .remembered = true,
	    .verdict = DANE_UNKNOWN, .why = "waits until answers of the DNS can be validated" },
	{ .what = "addresses are not validated any more, and it had records", .remembered = true,
	    .exchangers = DNS_SECURE, .verdict = DANE_UNKNOWN, .why = "waits until" },
	{ .what = "validated, and no longer signed: what it had does not count",
	    .remembered = true, .exchangers = DNS_INSECURE, .addresses = DNS_INSECURE,
	    .why = "not signed" },
	/* The addresses. */
	{ .what = "an address without signature: no question for TLSA", .exchangers = DNS_SECURE,
	    .addresses = DNS_INSECURE, .why = "its address is not signed" },
	{ .what = "no address at all", .exchangers = DNS_SECURE, .why = "demands nothing" },
	{ .what = "an alias into an unsigned zone, itself proven", .canonical = "mx.plain.org",
	    .exchangers = DNS_SECURE, .addresses = DNS_INSECURE,
	    .answers = { { "mx.org", DNS_CNAME, DNS_OK, DNS_SECURE, NULL },
		{ "_25._tcp.mx.org", DNS_TLSA, DNS_OK, DNS_SECURE, "311" } },
	    .verdict = DANE_MATCH, .base = "mx.org", .usable = 1,
	    .why = "the alias itself is proven" },
	{ .what = "an alias that is itself not signed", .canonical = "mx.plain.org",
	    .exchangers = DNS_SECURE, .addresses = DNS_INSECURE,
	    .answers = { { "mx.org", DNS_CNAME, DNS_OK, DNS_INSECURE, NULL } } },
	{ .what = "an alias that is gone by now", .canonical = "mx.plain.org",
	    .exchangers = DNS_SECURE, .addresses = DNS_INSECURE,
	    .answers = { { "mx.org", DNS_CNAME, DNS_NODATA, DNS_SECURE, NULL } } },
	{ .what = "an alias that is bogus", .canonical = "mx.plain.org",
	    .exchangers = DNS_SECURE, .addresses = DNS_INSECURE,
	    .answers = { { "mx.org", DNS_CNAME, DNS_SERVFAIL, DNS_BOGUS, NULL } },
	    .verdict = DANE_UNKNOWN },
	/* The records. */
	{ .what = "a record", .exchangers = DNS_SECURE, .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.mx.org", DNS_TLSA, DNS_OK, DNS_SECURE, "311" } },
	    .verdict = DANE_MATCH, .base = "mx.org", .usable = 1,
	    .why = "_25._tcp.mx.org is proven: 3 1 1 3031323334353637..." },
	{ .what = "no record", .exchangers = DNS_SECURE, .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.mx.org", DNS_TLSA, DNS_NXDOMAIN, DNS_SECURE, NULL } },
	    .why = "_25._tcp.mx.org: NXDOMAIN, so DANE demands nothing" },
	{ .what = "no record, without proof", .exchangers = DNS_SECURE, .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.mx.org", DNS_TLSA, DNS_NODATA, DNS_INSECURE, NULL } } },
	{ .what = "a record without signature, behind an alias", .exchangers = DNS_SECURE,
	    .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.mx.org", DNS_TLSA, DNS_OK, DNS_INSECURE, "311" } },
	    .why = "found, but not signed" },
	{ .what = "the question fails: SERVFAIL", .exchangers = DNS_SECURE,
	    .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.mx.org", DNS_TLSA, DNS_SERVFAIL, DNS_UNCHECKED, NULL } },
	    .verdict = DANE_UNKNOWN, .why = "_25._tcp.mx.org: SERVFAIL, so no mail may go there" },
	{ .what = "the question fails: no answer", .exchangers = DNS_SECURE,
	    .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.mx.org", DNS_TLSA, DNS_TIMEOUT, DNS_UNCHECKED, NULL } },
	    .verdict = DANE_UNKNOWN, .why = "no answer" },
	{ .what = "the question fails: bogus", .exchangers = DNS_SECURE, .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.mx.org", DNS_TLSA, DNS_SERVFAIL, DNS_BOGUS, NULL } },
	    .verdict = DANE_UNKNOWN },
	{ .what = "the validator has given up in between", .exchangers = DNS_SECURE,
	    .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.mx.org", DNS_TLSA, DNS_NXDOMAIN, DNS_UNCHECKED, NULL } },
	    .verdict = DANE_UNKNOWN, .why = "not validated any more" },
	/* Aliases: their end first. */
	{ .what = "the end of the aliases has a record", .canonical = "a.mx.org",
	    .exchangers = DNS_SECURE, .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.a.mx.org", DNS_TLSA, DNS_OK, DNS_SECURE, "311" } },
	    .verdict = DANE_MATCH, .base = "a.mx.org", .usable = 1 },
	{ .what = "only the name itself has a record", .canonical = "a.mx.org",
	    .exchangers = DNS_SECURE, .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.a.mx.org", DNS_TLSA, DNS_NXDOMAIN, DNS_SECURE, NULL },
		{ "_25._tcp.mx.org", DNS_TLSA, DNS_OK, DNS_SECURE, "311" } },
	    .verdict = DANE_MATCH, .base = "mx.org", .usable = 1 },
	{ .what = "the end has an unsigned record, the name itself none", .canonical = "a.mx.org",
	    .exchangers = DNS_SECURE, .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.a.mx.org", DNS_TLSA, DNS_OK, DNS_INSECURE, "311" },
		{ "_25._tcp.mx.org", DNS_TLSA, DNS_NODATA, DNS_SECURE, NULL } } },
	{ .what = "a failed first question is not followed by the second",
	    .canonical = "a.mx.org", .exchangers = DNS_SECURE, .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.a.mx.org", DNS_TLSA, DNS_SERVFAIL, DNS_UNCHECKED, NULL } },
	    .verdict = DANE_UNKNOWN },
	/* Records that can be used. */
	{ .what = "one of three is usable", .exchangers = DNS_SECURE, .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.mx.org", DNS_TLSA, DNS_OK, DNS_SECURE, "111 212 319" } },
	    .verdict = DANE_MATCH, .base = "mx.org", .usable = 1, .why = "(not usable)" },
	{ .what = "none is usable", .exchangers = DNS_SECURE, .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.mx.org", DNS_TLSA, DNS_OK, DNS_SECURE, "111 011" } },
	    .verdict = DANE_ENCRYPT, .why = "so TLS is needed, with any certificate" },
	{ .what = "the only record is damaged", .exchangers = DNS_SECURE, .addresses = DNS_SECURE,
	    .answers = { { "_25._tcp.mx.org", DNS_TLSA, DNS_OK, DNS_SECURE, NULL } },
	    .verdict = DANE_ENCRYPT },
};

static const struct {
	uint8_t usage, selector, matching;
	uint16_t n;
	bool usable;
} kinds[] = {
	{ 3, 1, 1, 32, true }, { 3, 0, 1, 32, true }, { 2, 0, 1, 32, true }, { 2, 1, 2, 64, true },
	{ 3, 1, 2, 64, true }, { 3, 0, 0, 1, true }, { 2, 0, 0, 500, true },
	{ 0, 0, 1, 32, false }, { 1, 1, 1, 32, false }, { 4, 1, 1, 32, false },
	{ 255, 1, 1, 32, false }, { 3, 2, 1, 32, false }, { 3, 255, 1, 32, false },
	{ 3, 1, 3, 32, false }, { 3, 1, 9, 32, false }, { 3, 1, 1, 31, false },
	{ 3, 1, 1, 33, false }, { 3, 1, 2, 63, false }, { 3, 1, 2, 65, false },
	{ 3, 1, 2, 32, false }, { 3, 0, 0, 0, false }, { 3, 1, 1, 0, false },
};

/* "311 200" */
static size_t
make_records(const char *text, struct dns_record *ret)
{
	size_t n = 0;

	for (; text && *text; text += text[3] ? 4 : 3)
		ret[n++] = (struct dns_record){ .type = DNS_TLSA, .tlsa = {
			.usage = (uint8_t)(text[0] - '0'), .selector = (uint8_t)(text[1] - '0'),
			.matching = (uint8_t)(text[2] - '0'),
			.n = text[2] == '2' ? 64 : 32, .octets = digest } };
	return n;
}

static void
test_row(const struct row *row)
{
	const char *name = "mx.org";
	const struct dane_host host = {
		.name = name, .canonical = row->canonical ? row->canonical : name, .port = 25,
		.exchangers = row->exchangers, .addresses = row->addresses,
		.remembered = row->remembered,
	};
	struct dns_record records[8];
	struct dane d;
	size_t asked = 0, wanted = 0;
	bool right = true;

	while (wanted < QUESTIONS_MAX && row->answers[wanted].name)
		wanted++;
	dane_begin(&d, &host);
	for (; d.step != DANE_DONE && asked < wanted; asked++) {
		const struct answer *a = &row->answers[asked];
		const struct dns_question q = {
			.name = d.name, .type = dane_type(&d), .status = a->status,
			.trust = a->trust, .records = records,
			.nrecords = make_records(a->records, records),
		};

		right = right && strcmp(d.name, a->name) == 0 && dane_type(&d) == a->type;
		dane_answer(&d, &q);
	}
	ok(right && asked == wanted && d.step == DANE_DONE, "%s: the questions", row->what);
	ok(d.verdict == row->verdict && d.n == row->usable &&
	    (!row->base || strcmp(d.base, row->base) == 0), "%s: the verdict", row->what);
	if (!ok(d.chain[0] && strlen(d.chain) < sizeof d.chain &&
	    (!row->why || strstr(d.chain, row->why)), "%s: the reason", row->what))
		printf("# %s\n", d.chain);
}

/* Names and answers that are as long as they can be. */
static void
test_longest(void)
{
	char name[DNS_NAME_MAX], canonical[DNS_NAME_MAX];
	struct dane_host host = {
		.name = name, .canonical = canonical, .port = 65535, .exchangers = DNS_SECURE,
		.addresses = DNS_SECURE,
	};
	struct dns_record records[DNS_RECORDS_MAX];
	struct dns_question q = { .status = DNS_NXDOMAIN, .trust = DNS_SECURE };
	struct dane d;

	memset(name, 'a', sizeof name);
	memset(canonical, 'b', sizeof canonical);
	name[sizeof name - 1] = canonical[sizeof name - 1] = '\0';
	dane_begin(&d, &host);
	ok(strlen(d.name) == strlen("_65535._tcp.") + strlen(canonical), "the longest owner");
	dane_answer(&d, &q);
	dane_answer(&d, &q);
	ok(d.step == DANE_DONE && d.verdict == DANE_NONE && strlen(d.chain) < sizeof d.chain,
	    "two of them, and no record");
	for (size_t i = 0; i < DNS_RECORDS_MAX; i++)
		(void)make_records("312", &records[i]);
	q = (struct dns_question){ .status = DNS_OK, .trust = DNS_SECURE, .records = records,
		.nrecords = DNS_RECORDS_MAX };
	dane_begin(&d, &host);
	dane_answer(&d, &q);
	ok(d.verdict == DANE_MATCH && d.n == DNS_RECORDS_MAX && strlen(d.chain) < sizeof d.chain,
	    "as many records as an answer can have");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		test_row(&rows[i]);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		const struct dns_tlsa t = {
			kinds[i].usage, kinds[i].selector, kinds[i].matching, kinds[i].n, digest
		};

		ok(dane_usable(&t) == kinds[i].usable, "%u %u %u of %u octets: %s",
		    kinds[i].usage, kinds[i].selector, kinds[i].matching, kinds[i].n,
		    kinds[i].usable ? "usable" : "not usable");
	}
	test_longest();
	return tap_done();
}
