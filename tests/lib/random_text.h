// SPDX-License-Identifier: ISC
/*
 * Random content of messages, for codecs that are compared with slow ones.
 */
#ifndef TESTS_LIB_RANDOM_TEXT_H
#define TESTS_LIB_RANDOM_TEXT_H

#include <stdlib.h>

#include "base/slice.h"

/* Random texts of the octets that matter, longer than the words that a run is examined in. */
static struct slice
random_text(char *p, size_t max, unsigned rare)
{
	static const char special[] = "\r\n.\r\n\r\n.\0\t\xff\x0d\x0a\x8d\x8a\x0e\x0b";
	size_t n = (size_t)rand() % max;

	for (size_t i = 0; i < n; i++) {
		if ((unsigned)rand() % rare)
			p[i] = (char)('a' + rand() % 26);
		else
			p[i] = special[(size_t)rand() % (sizeof special - 1)];
	}
	return slice_of(p, n);
}

#endif
