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
	{ .name = "H028 IPv4 literal", .in = S("[192.0.2.7]"), .tolerant = true, .strict = true },
	{ .name = "H028 IPv6 literal",
	  .in = S("[IPv6:2001:db8::7]"), .tolerant = true, .strict = true },
	{ .name = "H028 the tag in lower case",
	  .in = S("[ipv6:2001:db8::7]"), .tolerant = true, .strict = true },
	{ .name = "a domain", .in = S("c.example"), .tolerant = true, .strict = true },
	{ .name = "a label", .in = S("localhost"), .tolerant = true, .strict = true },
	{ .name = "H030 underscore", .in = S("foo_bar"), .tolerant = true },
	{ .name = "trailing dot", .in = S("c.example."), .tolerant = true },
	{ .name = "leading hyphen", .in = S("-c.example"), .tolerant = true },
	{ .name = "label of 64 octets", .in = S(D63 "h.example"), .tolerant = true },
	{ .name = "bare IPv6 address", .in = S("2001:db8::7"), .tolerant = true },
	{ .name = "slash", .in = S("a/b"), .tolerant = true },
	{ .name = "H046 255 octets", .in = S(D255), .tolerant = true, .strict = true },
	{ .name = "H046 256 octets", .in = S(D255 "x"), .tolerant = true },
	{ .name = "empty", .in = S("") },
	{ .name = "a blank", .in = S("a b") },
	{ .name = "a tab", .in = S("a\tb") },
	{ .name = "NUL", .in = S("a\0b") },
	{ .name = "H099 parenthesis", .in = S("a)b"), .tolerant = true },
	{ .name = "H099 semicolon", .in = S("a;b"), .tolerant = true },
	{ .name = "H099 quote", .in = S("a\"b"), .tolerant = true },
	{ .name = "backslash", .in = S("a\\b"), .tolerant = true },
	{ .name = "angle bracket", .in = S("a<b"), .tolerant = true },
	{ .name = "H038 UTF-8", .in = S("\xc3\xbc.example"), .tolerant = true },
	{ .name = "broken literal", .in = S("[192.0.2]"), .tolerant = true },
	{ .name = "open literal", .in = S("[192.0.2.1"), .tolerant = true },
	{ .name = "text after a literal", .in = S("[192.0.2.1]x"), .tolerant = true },
	{ .name = "an IPv6 literal without its tag", .in = S("[2001:db8::19]"), .tolerant = true },
	{ .name = "(none)", .in = S("(none)"), .tolerant = true },
	{ .name = "a trailing comma", .in = S("c.example,"), .tolerant = true },
	{ .name = "1,000 octets", .in = S(D255 D255 D255 D255), .tolerant = true },
	{ .name = "Latin-1", .in = S("\xfc.example") },
	{ .name = "a character that reorders text", .in = S("a\xe2\x80\xae" "b") },
	{ .name = "DEL", .in = S("a\x7f") },
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
