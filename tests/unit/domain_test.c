// SPDX-License-Identifier: ISC
/*
 * Domains and address literals as names in EHLO.
 */
#include "smtp/address.h"

#include "tests/lib/tap.h"

#define L8   "abcdefgh"
#define D63  L8 L8 L8 L8 L8 L8 L8 "abcdefg"
#define D255 D63 "." D63 "." D63 "." D63

static const struct name {
	const char *name;
	struct slice in;
	bool tolerant, strict;
} names[] = {
	{ "H028 IPv4 literal", S("[192.0.2.7]"), true, true },
	{ "H028 IPv6 literal", S("[IPv6:2001:db8::7]"), true, true },
	{ "H028 the tag in lower case", S("[ipv6:2001:db8::7]"), true, true },
	{ "a domain", S("c.example"), true, true },
	{ "a label", S("localhost"), true, true },
	{ "H030 underscore", S("foo_bar"), true, false },
	{ "trailing dot", S("c.example."), true, false },
	{ "leading hyphen", S("-c.example"), true, false },
	{ "label of 64 octets", S(D63 "h.example"), true, false },
	{ "bare IPv6 address", S("2001:db8::7"), true, false },
	{ "slash", S("a/b"), true, false },
	{ "H046 255 octets", S(D255), true, true },
	{ "H046 256 octets", S(D255 "x"), false, false },
	{ "empty", S(""), false, false },
	{ "a blank", S("a b"), false, false },
	{ "a tab", S("a\tb"), false, false },
	{ "NUL", S("a\0b"), false, false },
	{ "H099 parenthesis", S("a)b"), false, false },
	{ "H099 semicolon", S("a;b"), false, false },
	{ "H099 quote", S("a\"b"), false, false },
	{ "backslash", S("a\\b"), false, false },
	{ "angle bracket", S("a<b"), false, false },
	{ "H038 UTF-8", S("\xc3\xbc.example"), false, false },
	{ "broken literal", S("[192.0.2]"), false, false },
	{ "open literal", S("[192.0.2.1"), false, false },
	{ "text after a literal", S("[192.0.2.1]x"), false, false },
	{ "DEL", S("a\x7f"), false, false },
};

static const struct literal {
	struct slice in;
	bool want;
} literals[] = {
	{ S("[0.0.0.0]"), true },
	{ S("[255.255.255.255]"), true },
	{ S("[1.2.3]"), false },
	{ S("[1.2.3.4.5]"), false },
	{ S("[1.2.3.4 ]"), false },
	{ S("[1..3.4]"), false },
	{ S("[1.2.3.]"), false },
	{ S("[0001.2.3.4]"), false },
	{ S("[IPv6:1:2:3:4:5:6:7:8]"), true },
	{ S("[IPv6:::]"), true },
	{ S("[IPv6:::1]"), true },
	{ S("[IPv6:1::]"), true },
	{ S("[IPv6:::ffff:192.0.2.1]"), true },
	{ S("[IPv6:1:2:3:4:5:6:192.0.2.1]"), true },
	{ S("[IPv6:fe80::abcd:EF01]"), true },
	{ S("[IPv6:1:2:3:4:5:6:7]"), false },
	{ S("[IPv6:1:2:3:4:5:6:7:8:9]"), false },
	{ S("[IPv6:1:2:3:4::5:6:7:8]"), false },
	{ S("[IPv6:1::2::3]"), false },
	{ S("[IPv6::::]"), false },
	{ S("[IPv6:1:2:3:4:5:6:7:]"), false },
	{ S("[IPv6:1::2:]"), false },
	{ S("[IPv6:12345::]"), false },
	{ S("[IPv6:g::]"), false },
	{ S("[IPv6:]"), false },
	{ S("[IPv6::]"), false },
	{ S("[IPv6::1]"), false },
	{ S("[IPv6:1:2:3:4:5:192.0.2.1]"), false },
	{ S("[IPv6:::1:2:3:4:5:6:192.0.2.1]"), false },
	{ S("[IPv6:::192.0.2.256]"), false },
	{ S("[IPv6:fe80::1%2]"), false },
	{ S("[2001:db8::1]"), false },
	{ S("[x400:abc]"), false },
	{ S("[]"), false },
	{ S("["), false },
	{ S(""), false },
	{ S("1.2.3.4"), false },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		ok(smtp_domain_valid(names[i].in, false) == names[i].tolerant, "%s, tolerant",
		    names[i].name);
		ok(smtp_domain_valid(names[i].in, true) == names[i].strict, "%s, strict",
		    names[i].name);
	}
	for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++)
		ok(smtp_address_literal_valid(literals[i].in) == literals[i].want,
		    "literal \"%s\" %s", literals[i].in.p,
		    literals[i].want ? "is valid" : "is not valid");
	return tap_done();
}
