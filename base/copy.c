// SPDX-License-Identifier: ISC
/*
 * The memcpy(3) of musl is one instruction for a string of any length ("rep movsq").  Its start
 * takes as long as copying a hundred octets, and most pieces of a reply, an envelope and a log line
 * are shorter.  Fixed lengths are loads and stores here.
 */
#include "base/copy.h"

#include <stdint.h>
#include <string.h>

#define SMALL 128		/* octets */

void
copy_octets(char *to, const char *from, size_t n)
{
	if (n > SMALL) {
		memcpy(to, from, n);
		return;
	}
	for (; n >= sizeof(uint64_t); n -= sizeof(uint64_t)) {
		memcpy(to, from, sizeof(uint64_t));
		to += sizeof(uint64_t);
		from += sizeof(uint64_t);
	}
	if (n & 4)
		memcpy(to, from, 4);
	to += n & 4;
	from += n & 4;
	if (n & 2)
		memcpy(to, from, 2);
	to += n & 2;
	from += n & 2;
	if (n & 1)
		*to = *from;
}
