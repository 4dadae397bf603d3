// SPDX-License-Identifier: ISC
/*
 * Base64: four characters for three octets.  Pure.
 */
#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a digit, 0 to 63; -1 for any other character. */
static int
value_of(char c)
{
	const char *at = c ? memchr(alphabet, c, sizeof alphabet - 1) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* Decode four characters; the last `padding` of them are '='. */
static bool
decode_group(struct buf *b, const char *p, unsigned padding)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 4; i++) {
		const int v = i < 4 - padding ? value_of(p[i]) : 0;

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
	}
	if (bits & ((UINT32_C(1) << 8 * padding) - 1))
		return false;
	for (unsigned i = 0; i < 3 - padding; i++)
		buf_chr(b, (char)(bits >> (16 - 8 * i) & 0xff));
	return true;
}

bool
base64_decode(struct buf *b, struct slice text)
{
	if (text.n % 4 != 0)
		return false;
	for (size_t at = 0; at < text.n; at += 4) {
		const char *p = text.p + at;
		unsigned padding = 0;

		if (at + 4 == text.n)
			padding = p[3] != '=' ? 0 : p[2] != '=' ? 1 : 2;
		if (!decode_group(b, p, padding))
			return false;
	}
	return true;
}

void
base64_encode(struct buf *b, struct slice octets)
{
	for (size_t at = 0; at < octets.n; at += 3) {
		const size_t n = octets.n - at < 3 ? octets.n - at : 3;
		uint32_t bits = 0;

		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 | (i < n ? (unsigned char)octets.p[at + i] : 0U);
		for (size_t i = 0; i < 4; i++)
			buf_chr(b, i <= n ? alphabet[bits >> (18 - 6 * i) & 63] : '=');
	}
}
