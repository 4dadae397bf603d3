// SPDX-License-Identifier: ISC
/*
 * Values of the configuration as people write them.
 */
#ifndef BASE_VALUE_H
#define BASE_VALUE_H

#include "base/slice.h"

#define VALUE_DURATION_HELP "write a number with ms, s, min, h or d, like 90s or 4h; a bare number is seconds"
#define VALUE_SIZE_HELP	    "write a number with K, M, G or T, like 64K or 50M; a bare number is octets"

/* "5d", "4h", "5min", "90s", "500ms", "90". */
bool value_duration_ms(struct slice text, uint64_t *ret_ms);

/* "64K", "50M", "1G", "2T" (powers of 1024, either case), "4096". */
bool value_size(struct slice text, uint64_t *ret_octets);

/* Take the next word off a list separated by blanks; empty at its end. */
struct slice value_word(struct slice *list);

#endif
