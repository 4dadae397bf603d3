// SPDX-License-Identifier: ISC
/* dns/name: text and wire form of names. */
#include "dns/name.h"

#include "tests/lib/tap.h"

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"
#define L61 "a234567890123456789012345678901234567890123456789012345678901"

static const struct text_case {
	const char *name;
	struct slice text;
	const char *want;	/* NULL: no name */
} text_cases[] = {
	{ "plain", S("example.org"), "example.org" },
	{ "upper_case", S("EXAMPLE.Org"), "example.org" },
	{ "trailing_dot", S("example.org."), "example.org" },
	{ "two_trailing_dots", S("example.org.."), NULL },
	{ "one_label", S("localhost"), "localhost" },
	{ "underscore_and_hyphen", S("_25._tcp.a-b.example"), "_25._tcp.a-b.example" },
	{ "empty", S(""), NULL },
	{ "root", S("."), NULL },
	{ "empty_label", S("a..b"), NULL },
	{ "leading_dot", S(".a"), NULL },
	{ "blank", S("a b"), NULL },
	{ "nul", S("a\0b"), NULL },
	{ "utf8", S("b\303\274cher.example"), NULL },
	{ "slash", S("a/b"), NULL },
	{ "label_of_63", S(L63 ".x"), L63 ".x" },
	{ "label_of_64", S(L63 "x.x"), NULL },
	{ "name_of_253", S(L63 "." L63 "." L63 "." L61), L63 "." L63 "." L63 "." L61 },
	{ "name_of_253_and_dot", S(L63 "." L63 "." L63 "." L61 "."), L63 "." L63 "." L63 "." L61 },
	{ "name_of_254", S(L63 "." L63 "." L63 "." L61 "x"), NULL },
};

static const struct wire_case {
	const char *name;
	struct slice wire;
	const char *want;
} wire_cases[] = {
	{ "root", S("\0"), "" },
	{ "plain", S("\7EXAMPLE\3org\0"), "example.org" },
	{ "dot_in_a_label", S("\3a.b\0"), NULL },
	{ "newline_in_a_label", S("\3a\nb\0"), NULL },
	{ "nul_in_a_label", S("\3a\0b\0"), NULL },
	{ "no_root", S("\1a"), NULL },
	{ "cut", S("\5abc"), NULL },
	{ "nothing", S(""), NULL },
	{ "pointer", S("\300\14"), NULL },
	{ "just_long_enough", S("\77" L63 "\77" L63 "\77" L63 "\75" L61 "\0"),
	  L63 "." L63 "." L63 "." L61 },
	{ "too_long", S("\77" L63 "\77" L63 "\77" L63 "\76" L61 "x\0"), NULL },
	{ "much_too_long", S("\77" L63 "\77" L63 "\77" L63 "\77" L63 "\77" L63 "\0"), NULL },
};

int
main(void)
{
	char got[DNS_NAME_MAX];

	for (size_t i = 0; i < sizeof text_cases / sizeof text_cases[0]; i++) {
		const struct text_case *c = &text_cases[i];
		bool is_name = dns_name_from_text(c->text, got);

		ok(is_name == (c->want != NULL) && (!is_name || strcmp(got, c->want) == 0),
		    "text %s", c->name);
	}
	for (size_t i = 0; i < sizeof wire_cases / sizeof wire_cases[0]; i++) {
		const struct wire_case *c = &wire_cases[i];
		bool is_name = dns_name_from_wire((const uint8_t *)c->wire.p, c->wire.n, got);

		ok(is_name == (c->want != NULL) && (!is_name || strcmp(got, c->want) == 0),
		    "wire %s", c->name);
	}
	ok(dns_name_same((const uint8_t *)"\1A", 3, (const uint8_t *)"\1a", 3),
	    "the same except for case");
	ok(!dns_name_same((const uint8_t *)"\1a", 3, (const uint8_t *)"\1b", 3), "not the same");
	ok(!dns_name_same((const uint8_t *)"\1a", 3, (const uint8_t *)"", 1), "not as long");
	return tap_done();
}
