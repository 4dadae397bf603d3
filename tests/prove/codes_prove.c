// SPDX-License-Identifier: ISC
/*
 * Base64 and xtext: what is encoded is decoded, and a text is decoded if and only if it is the text
 * of some octets.
 */
#include "base/base64.h"
#include "smtp/param.h"
#include "tests/prove/enumerate.h"

static char octets[256];

static bool
base64_returns(struct slice s)
{
	char text_space[64], space[64];
	struct buf text = BUF(text_space), b = BUF(space);

	base64_encode(&text, s);
	return text.n == (s.n + 2) / 3 * 4 && base64_decode(&b, buf_slice(&text)) &&
	    slice_eq(buf_slice(&b), s);
}

/* Only one text stands for some octets. */
static bool
base64_is_unique(struct slice s)
{
	char text_space[64], space[64];
	struct buf text = BUF(text_space), b = BUF(space);
	const bool got = base64_decode(&b, s);

	if (got) {
		base64_encode(&text, buf_slice(&b));
		return slice_eq(buf_slice(&text), s);
	}
	/* A text of whole groups without '=' stands for octets. */
	if (s.n % 4 || memchr(s.p, ' ', s.n))
		return true;
	return memchr(s.p, '=', s.n) != NULL;
}

static bool
xtext_returns(struct slice s)
{
	char text_space[64], space[64];
	struct buf text = BUF(text_space), b = BUF(space);
	size_t n;

	smtp_xtext_encode(s, &text);
	if (!smtp_xtext_valid(buf_slice(&text), false, &n) || n != s.n)
		return false;
	smtp_xtext_decode(buf_slice(&text), &b);
	return slice_eq(buf_slice(&b), s);
}

/* xtext = *( xchar / hexchar ), with the digits in either case (RFC 3461 section 4) */
static bool
is_xtext(struct slice s, size_t *ret_n)
{
	size_t rest;

	*ret_n = 0;
	if (s.n == 0)
		return true;
	if (s.n >= 3 && s.p[0] == '+' && strspn(s.p + 1, "0123456789ABCDEFabcdef") >= 2 &&
	    is_xtext(slice_skip(s, 3), &rest)) {
		*ret_n = rest + 1;
		return true;
	}
	if (s.p[0] < '!' || s.p[0] > '~' || s.p[0] == '+' || s.p[0] == '=' ||
	    !is_xtext(slice_skip(s, 1), &rest))
		return false;
	*ret_n = rest + 1;
	return true;
}

static bool
xtext_is_xtext(struct slice s)
{
	char text[ENUMERATE_MAX], space[ENUMERATE_MAX];
	struct buf b = BUF(space);
	size_t want, got = 0;

	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (is_xtext(slice_of(text, s.n), &want) != smtp_xtext_valid(s, false, &got))
		return false;
	smtp_xtext_decode(s, &b);
	return got == 0 || (got == want && b.n == want);
}

int
main(int argc, char **argv)
{
	enumerate_init(argc, argv);
	for (int i = 0; i < 256; i++)
		octets[i] = (char)i;
	enumerate("base64 of all octets", slice_of(octets, 256),
	    enumerate_more < 0 ? 2 : 3, base64_returns);
	enumerate("base64 of few octets", SL("\0\xff" "a"), enumerate_length(9), base64_returns);
	enumerate("a text of base64 stands for octets, and is the only one", SL("AQg/= "),
	    enumerate_length(8), base64_is_unique);
	enumerate("xtext of all octets", slice_of(octets, 256), 2, xtext_returns);
	enumerate("xtext of few octets", SL("+= a\xff"), enumerate_length(7), xtext_returns);
	enumerate("a text is xtext by the grammar", SL("+2Bb=g \xff"), enumerate_length(7),
	    xtext_is_xtext);
	return tap_done();
}
