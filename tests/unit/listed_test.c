// SPDX-License-Identifier: ISC
#include "auth/listed.h"
#include "tests/lib/tap.h"

static void
test_values(void)
{
	static const struct {
		const char *value;
		int result;
		size_t ncodes;
		uint32_t first, last;		/* of the last range */
	} cases[] = {
		{ "zen.example.org", 1, 1, 0x7f000002, 0x7f00000b },
		{ "a.example=127.0.0.2", 1, 1, 0x7f000002, 0x7f000002 },
		{ "a.example=127.0.0.2,127.0.1.4-7", 1, 2, 0x7f000104, 0x7f000107 },
		{ "a.example=127.0.0.2-127.0.0.255", 1, 1, 0x7f000002, 0x7f0000ff },
		{ "a.example=127.0.0.1", -1, 0, 0, 0 },
		{ "a.example=127.255.255.254", -1, 0, 0, 0 },
		{ "a.example=127.255.254.255", 1, 1, 0x7ffffeff, 0x7ffffeff },
		{ "a.example=126.0.0.2", -1, 0, 0, 0 },
		{ "a.example=128.0.0.2", -1, 0, 0, 0 },
		{ "a.example=127.0.0.9-8", -1, 0, 0, 0 },
		{ "a.example=127.0.0.9-127.0.1.10", -1, 0, 0, 0 },
		{ "a.example=127.0.0.9-256", -1, 0, 0, 0 },
		{ "a.example=", -1, 0, 0, 0 },
		{ "a.example=127.0.0.2,,127.0.0.3", -1, 0, 0, 0 },
		{ "=127.0.0.2", -1, 0, 0, 0 },
		{ "a..example", -1, 0, 0, 0 },
		{ "", 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice rest = slice_str(cases[i].value);
		struct dnsbl list;
		const int r = dnsbl_next(&rest, &list);

		ok(r == cases[i].result && (r <= 0 || (list.ncodes == cases[i].ncodes &&
		    list.codes[list.ncodes - 1].first == cases[i].first &&
		    list.codes[list.ncodes - 1].last == cases[i].last)), "value %s",
		    cases[i].value);
	}
}

static struct auth_record records[2];
static struct auth_answer answer;

static const struct auth_answer *
give(void *ctx, struct slice name, enum auth_type type)
{
	(void)ctx;
	(void)type;
	return slice_eq(name, SL("1.2.0.192.a.example")) ? &answer : NULL;
}

static void
test_answers(void)
{
	static const struct {
		const char *name;
		unsigned char codes[2][4];
		size_t n;
		enum listed result;
	} cases[] = {
		{ "no record", { { 0 } }, 0, LISTED_NO },
		{ "the first code", { { 127, 0, 0, 2 } }, 1, LISTED_YES },
		{ "the last code", { { 127, 0, 0, 11 } }, 1, LISTED_YES },
		{ "a code above", { { 127, 0, 0, 12 } }, 1, LISTED_NO },
		{ "another code first", { { 127, 0, 0, 200 }, { 127, 0, 0, 4 } }, 2, LISTED_YES },
		{ "another network of codes", { { 127, 0, 1, 2 } }, 1, LISTED_NO },
		{ "127.0.0.1", { { 127, 0, 0, 1 } }, 1, LISTED_LIES },
		{ "the server refuses", { { 127, 255, 255, 254 } }, 1, LISTED_LIES },
		{ "an address of the Internet", { { 192, 0, 2, 1 } }, 1, LISTED_LIES },
		{ "a lie beside a code", { { 127, 0, 0, 2 }, { 8, 8, 8, 8 } }, 2, LISTED_LIES },
	};
	static const unsigned char client[4] = { 192, 0, 2, 1 };
	const struct auth_dns dns = { give, NULL };
	struct slice value = SL("a.example");
	struct dnsbl list;
	char space[400];
	struct buf b = BUF(space);

	(void)dnsbl_next(&value, &list);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t k = 0; k < cases[i].n; k++)
			memcpy(records[k].address, cases[i].codes[k], 4);
		answer = (struct auth_answer){ AUTH_FOUND, records, cases[i].n };
		ok(listed_check(&dns, &list, false, client) == cases[i].result, "answer: %s",
		    cases[i].name);
	}
	records[0].text = SL("see\r\nhttp://a.example/\377");
	answer = (struct auth_answer){ AUTH_FOUND, records, 1 };
	ok(listed_text(&dns, &list, false, client, &b), "there is a text");
	is(buf_slice(&b), SL("see??http://a.example/?"), "without octets that break a reply");
}

int
main(void)
{
	static const unsigned char v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x1f };
	char space[100];
	struct buf b = BUF(space);

	test_values();
	test_answers();
	listed_name(&b, true, v6, SL("a.example"));
	is(buf_slice(&b), SL("f.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
	    "a.example"), "a name for IPv6");
	return tap_done();
}
