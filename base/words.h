// SPDX-License-Identifier: ISC
/*
 * The forms of values in the configuration: durations, sizes, lists.
 */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include "base/slice.h"

#define WORDS_DURATION_HELP \
	"write a number with ms, s, min, h or d, like 90s or 4h; a bare number is seconds"
#define WORDS_SIZE_HELP \
	"write a number with K, M, G or T, like 64K or 50M; a bare number is octets"

/* Read "5d", "4h", "5min", "90s", "500ms" or "90" (seconds). */
bool words_duration_ms(struct slice text, uint64_t *ret_ms);

/* Read "64K", "50M", "1G", "2T" (powers of 1024, either case) or "4096" (octets). */
bool words_size(struct slice text, uint64_t *ret_octets);

/* Take the next word off a list separated by blanks.  Empty at the end of the list. */
struct slice words_next(struct slice *list);

#endif
