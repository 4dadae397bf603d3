// SPDX-License-Identifier: ISC
#include "shared/number.h"

void
number_put(unsigned char *to, size_t n, uint64_t v)
{
	while (n > 0) {
		to[--n] = (unsigned char)v;
		v >>= 8;
	}
}

uint64_t
number_take(const unsigned char *from, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | from[i];
	return v;
}
