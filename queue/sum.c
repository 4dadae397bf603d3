// SPDX-License-Identifier: ISC
/*
 * The check sum of a queue file: two 32-bit sums over 32-bit words, the second one of
 * the first, as Fletcher's.  It is there to find what a power cut does to a file whose
 * end is there already (blocks of zeros, old blocks, a lost tail), at the speed of memory;
 * it is no protection against anybody.  It starts at 1, so that zeros count too.
 */
#include "queue/format.h"

#include <endian.h>

static inline void
word(struct queue_sum *s, const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	s->a += le32toh(v);
	s->b += s->a;
}

void
queue_sum_init(struct queue_sum *s)
{
	*s = (struct queue_sum){ .a = 1 };
}

void
queue_sum_add(struct queue_sum *s, struct slice octets)
{
	const char *p = octets.p, *end = octets.p + octets.n;

	while (s->fill && p < end) {
		s->part[s->fill] = (unsigned char)*p++;
		s->fill = (s->fill + 1) % 4;
		if (s->fill == 0)
			word(s, (const char *)s->part);
	}
	for (; end - p >= 4; p += 4)
		word(s, p);
	while (p < end)
		s->part[s->fill++] = (unsigned char)*p++;
}

uint64_t
queue_sum_end(struct queue_sum *s)
{
	if (s->fill)
		queue_sum_add(s, slice_of("\0\0\0", 4 - s->fill));
	return (uint64_t)s->b << 32 | s->a;
}
