// SPDX-License-Identifier: ISC
/*
 * UTF-8.  Pure.
 */
#include "base/utf8.h"

size_t
utf8_decode(struct slice s, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n;
	uint32_t v;

	if (s.n == 0)
		return 0;
	if (p[0] < 0x80) {
		*ret = p[0];
		return 1;
	}
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc0 || p[0] > 0xf4 || s.n < n)
		return 0;
	v = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*ret = v;
	return n;
}

size_t
utf8_printable_rare(struct slice s)
{
	uint32_t c = 0;
	size_t n = utf8_decode(s, &c);
	bool obeyed = c < 0x20 || (c >= 0x7f && c <= 0x9f)	/* C0, DEL, C1 */
	    || c == 0x61c || c == 0x200e || c == 0x200f		/* direction marks */
	    || (c >= 0x2028 && c <= 0x202e)		/* separators, embeddings, overrides */
	    || (c >= 0x2066 && c <= 0x2069)		/* isolates */
	    || c == 0xfeff;

	return obeyed ? 0 : n;
}

void
utf8_clean(char *p, size_t n)
{
	while (n) {
		size_t shown = utf8_printable(slice_of(p, n)), step = shown ? shown : 1;

		if (!shown)
			*p = '?';
		p += step;
		n -= step;
	}
}

bool
utf8_valid(struct slice s)
{
	uint32_t c;

	while (s.n) {
		size_t n = utf8_decode(s, &c);

		if (n == 0)
			return false;
		s = slice_skip(s, n);
	}
	return true;
}
