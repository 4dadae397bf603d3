// SPDX-License-Identifier: ISC
/*
 * UTF-8, one character at a time.  It knows no protocol; address.c and reply.c call it.
 */
#include "smtp/utf8.h"

size_t
smtp_printable(struct slice s)
{
	static const uint32_t least[] = { 0, 0, 0xa0, 0x800, 0x10000 };	/* below 0xa0 are the C1 controls */
	uint32_t c;
	size_t n;

	if (s.n == 0)
		return 0;
	c = (unsigned char)s.p[0];
	if (c < 0x80)
		return c >= ' ' && c != 0x7f;
	if (c < 0xc0 || c > 0xf7)
		return 0;
	n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (s.n < n)
		return 0;
	c &= 0x7fU >> n;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | ((unsigned char)s.p[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}
