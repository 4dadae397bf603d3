// SPDX-License-Identifier: ISC
/* base/idn: the spellings of a domain, and libidn2 on each character. */
#include "base/idn.h"

#include <idn2.h>
#include <stdio.h>

#include "base/hash.h"
#include "tests/lib/tap.h"

static const struct same_case {
	const char *name, *a, *b;
	bool same;
} same_cases[] = {
	{ "ASCII in any case", "Example.ORG", "example.org", true },
	{ "another name", "example.org", "example.net", false },
	{ "A-label and U-label", "xn--ftz-sna.example", "f\303\266tz.example", true },
	{ "an A-label in capitals", "XN--FTZ-SNA.Example", "f\303\266tz.example", true },
	{ "a U-label in capitals", "F\303\226TZ.EXAMPLE", "xn--ftz-sna.example", true },
	{ "a mark of its own (NFD)", "fo\314\210tz.example", "f\303\266tz.example", true },
	{ "a capital with a mark", "FO\314\210TZ.example", "xn--ftz-sna.example", true },
	{ "two marks in either order", "e\314\243\314\202.example", "e\314\202\314\243.example",
	    true },
	{ "a composed letter and a mark below", "\303\252\314\243.example",
	    "\341\273\207.example", true },
	{ "Greek in capitals",
	    "\316\224\316\237\316\232.example", "\316\264\316\277\316\272.example",
	    true },
	{ "Cyrillic in capitals", "\320\237\320\236.example", "\320\277\320\276.example", true },
	{ "wide letters", "\357\275\206\303\266tz.example", "f\303\266tz.example", true },
	{ "wide letters for ASCII", "\357\275\205xample.org", "example.org", true },
	{ "wide letters for an A-label", "\357\275\230n--ftz-sna.example", "f\303\266tz.example",
	    true },
	{ "an ideographic full stop",
	    "f\303\266tz\343\200\202example", "f\303\266tz.example", true },
	{ "a soft hyphen", "f\303\266\302\255tz.example", "f\303\266tz.example", true },
	{ "a ligature", "\357\254\201n\303\266.example", "fin\303\266.example", true },
	{ "Hangul in parts", "\341\204\222\341\205\241\341\206\253.example", "\355\225\234.example",
	    true },
	{ "sharp s is not ss", "stra\303\237e.example", "strasse.example", false },
	{ "sharp s", "stra\303\237e.example", "xn--strae-oqa.example", true },
	{ "another letter", "f\303\270tz.example", "f\303\266tz.example", false },
	{ "letters that look alike", "\320\260.example", "a.example", false },
	{ "an A-label of a capital is no name of it", "xn--ftz-4ja.example", "f\303\266tz.example",
	    false },
	{ "no UTF-8, but the same", "f\303tz.EXAMPLE", "f\303tz.example", true },
	{ "no UTF-8", "f\303tz.example", "f\303\266tz.example", false },
	{ "a literal", "[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]", true },
	{ "a literal with its zeros", "[IPv6:2001:0db8:0:0:0:0:0:1]", "[IPv6:2001:db8::1]", true },
	{ "a literal with another gap", "[IPv6:2001:db8:0::1]", "[ipv6:2001:DB8::0:1]", true },
	{ "a literal with leading zeros", "[192.000.002.001]", "[192.0.2.1]", true },
	{ "leading zeros are no octal numbers", "[192.0.2.010]", "[192.0.2.8]", false },
	{ "a literal of IPv4 in IPv6", "[IPv6:::ffff:192.0.2.1]", "[192.0.2.1]", true },
	{ "another address", "[IPv6:2001:db8::2]", "[IPv6:2001:db8::1]", false },
	{ "a literal that is none", "[IPv6:2001:db8::01::]", "[IPv6:2001:db8::1::]", false },
	{ "a literal and a name", "[192.0.2.1]", "192.0.2.1", false },
	{ "empty", "", "", true },
	{ "empty and not", "", "\303\266", false },
};

static void
same_case(const struct same_case *c)
{
	const struct slice a = slice_str(c->a), b = slice_str(c->b);
	char one[300], other[300];
	int order = idn_compare(a, b), back = idn_compare(b, a);

	ok(idn_same(a, b) == c->same && idn_same(b, a) == c->same, "%s", c->name);
	ok((order == 0) == c->same && (order > 0) == (back < 0), "%s: order", c->name);
	ok(!c->same || idn_hash(HASH_START, a) == idn_hash(HASH_START, b), "%s: hash", c->name);
	(void)snprintf(one, sizeof one, "\"x@y\"@%s", c->a);
	(void)snprintf(other, sizeof other, "\"X@Y\"@%s", c->b);
	ok(idn_same_address(slice_str(one), slice_str(other)) == c->same, "%s: address", c->name);
}

static char *
put_utf8(char *to, uint32_t c)
{
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 63));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 63));
		*to++ = (char)(0x80 | (c >> 6 & 63));
	}
	*to++ = (char)(0x80 | (c & 63));
	return to;
}

/* Unicode 15.1 changed the form of one character. */
static bool
is_changed(uint32_t c)
{
	return c == 0x1e9e && !idn2_check_version("2.3.8");
}

/* Each name that libidn2 takes has the same form here. */
static void
each_character(const char *before, const char *after)
{
	unsigned taken = 0, differ = 0;

	for (uint32_t c = 0x80; c < 0x110000; c++) {
		char text[64], *ascii = NULL, *at = stpcpy(text, before);
		struct idn_name space;

		if ((c >= 0xd800 && c < 0xe000) || is_changed(c))
			continue;
		at = put_utf8(at, c);
		(void)stpcpy(at, after);
		if (idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) !=
		    IDN2_OK)
			continue;
		taken++;
		if (!slice_eq(idn_canonical(slice_str(text), &space), slice_str(ascii)) &&
		    differ++ < 5)
			printf("# U+%04X: %.*s, libidn2 has %s\n", c,
			    (int)idn_canonical(slice_str(text), &space).n,
			    idn_canonical(slice_str(text), &space).p, ascii);
		idn2_free(ascii);
	}
	ok(taken > 90000 && differ == 0, "\"%s\", a character, \"%s\": %u names as libidn2, %u not",
	    before, after, taken, differ);
}

static void
unicode(void)
{
	static const char *const rows[][2] = {
		{ "xn--ftz-sna.example", "f\303\266tz.example" },
		{ "XN--FTZ-SNA.xn--mller-kva.example.", "f\303\266tz.m\303\274ller.example." },
		{ "xn--r8jz45g.xn--zckzah",
		    "\344\276\213\343\201\210.\343\203\206\343\202\271\343\203\210" },
		{ "xn--ls8h.example", "\360\237\222\251.example" },
		{ "mail.example", "mail.example" }, { "xn--.example", "xn--.example" },
		{ "xn--a-.example", "xn--a-.example" },
		{ "xn--99999999999.example", "xn--99999999999.example" },
		{ "xn--ftz-4ja.example", "xn--ftz-4ja.example" },	/* a capital */
		{ "", "" }, { ".", "." }, { "[192.0.2.1]", "[192.0.2.1]" },
	};
	struct idn_name space;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		is(idn_unicode(slice_str(rows[i][0]), &space), slice_str(rows[i][1]), rows[i][0]);
}

int
main(void)
{
	static char huge[4000];
	struct idn_name space;

	for (size_t i = 0; i < sizeof same_cases / sizeof same_cases[0]; i++)
		same_case(&same_cases[i]);
	unicode();
	each_character("", "b.example");
	each_character("B\303\234", ".example");
	memset(huge, 'A', sizeof huge);
	ok(idn_canonical(slice_of(huge, sizeof huge), &space).p == huge, "what is too long stays");
	for (size_t i = 0; i + 3 <= 256; i += 3)	/* a ligature of 18 characters */
		memcpy(huge + i, "\357\267\272", 3);
	ok(idn_canonical(slice_of(huge, 255), &space).n > 0, "a name that grows too long stays");
	ok(!idn_same(slice_of(huge, 255), slice_of(huge, 252)), "and is only itself");
	return tap_done();
}
