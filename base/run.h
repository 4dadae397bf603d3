// SPDX-License-Identifier: ISC
/*
 * Search for the end of a line, eight octets at a time.  Text has many short lines, so the search
 * is inline: a call of memchr() for each line costs more than the line.
 */
#ifndef BASE_RUN_H
#define BASE_RUN_H

#include <endian.h>

#include "base/slice.h"

#define RUN_EACH(c) (UINT64_C(0x0101010101010101) * (c))
#define RUN_TOPS    RUN_EACH(0x80)

/* Facts about the octets of a run. */
struct run_seen {
	bool high;		/* an octet above 127 */
	bool nul;
};

/* The top bit of each octet that is zero.  Only the lowest of them is sure: above it, an octet 1
 * gives the same bit. */
static inline uint64_t
run_zeros(uint64_t word)
{
	return (word - RUN_EACH(1)) & ~word & RUN_TOPS;
}

/* The number of octets before the first CR or LF of s.  Facts about them are added to *seen. */
static inline size_t
run_length(struct slice s, struct run_seen *seen)
{
	uint64_t tops = 0, nuls = 0;
	size_t i = 0;

	for (uint64_t word; s.n - i >= sizeof word; i += sizeof word) {
		memcpy(&word, s.p + i, sizeof word);
		word = le64toh(word);
		/* Is an octet below 14?  Most words have none, and then no other test is needed. */
		if ((word - RUN_EACH(14)) & ~word & RUN_TOPS) {
			const uint64_t ends = run_zeros(word ^ RUN_EACH('\r')) |
			    run_zeros(word ^ RUN_EACH('\n'));
			/* all octets, if there is no line end */
			const uint64_t before = (ends & -ends) - 1;

			tops |= word & before;
			nuls |= run_zeros(word) & before;
			if (ends) {
				i += (size_t)__builtin_ctzll(ends) / 8;
				goto out;
			}
			continue;
		}
		tops |= word;
	}
	for (; i < s.n && s.p[i] != '\r' && s.p[i] != '\n'; i++) {
		tops |= (unsigned char)s.p[i];
		nuls |= s.p[i] == '\0';
	}
out:
	seen->high |= (tops & RUN_TOPS) != 0;
	seen->nul |= nuls != 0;
	return i;
}

#endif
