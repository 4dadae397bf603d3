// SPDX-License-Identifier: ISC
/*
 * Values of the configuration as people write them.
 */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include "base/slice.h"

#define WORDS_DURATION_HELP "write a number with ms, s, min, h or d, like 90s or 4h; a bare number is seconds"
#define WORDS_SIZE_HELP	    "write a number with K, M, G or T, like 64K or 50M; a bare number is octets"

/* "5d", "4h", "5min", "90s", "500ms", "90". */
bool words_duration_ms(struct slice text, uint64_t *ret_ms);

/* "64K", "50M", "1G", "2T" (powers of 1024, either case), "4096". */
bool words_size(struct slice text, uint64_t *ret_octets);

/* Take the next word off a list separated by blanks; empty at its end. */
struct slice words_next(struct slice *list);

#endif
