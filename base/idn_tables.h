// SPDX-License-Identifier: ISC
/*
 * Data of Unicode for base/idn.c.  Private to it.
 */
#ifndef BASE_IDN_TABLES_H
#define BASE_IDN_TABLES_H

#include <stddef.h>
#include <stdint.h>

/* Each table is sorted by the first number of its rows. */

/* count characters from first on, each `step` behind the last: another one, shift away. */
struct idn_range {
	uint32_t first;
	uint16_t count, step;
	int32_t shift;
};

#define IDN_TEXT_MAX 6

/* A character that becomes several; those behind the last are 0. */
struct idn_text {
	uint32_t from, to[IDN_TEXT_MAX];
};

/* Two characters that are composed into one. */
struct idn_pair {
	uint32_t whole, first, second;
};

/* Marks of a canonical combining class. */
struct idn_class {
	uint32_t first, last;
	uint8_t class;
};

extern const struct idn_range idn_ranges[];
extern const struct idn_text idn_texts[];
extern const struct idn_pair idn_pairs[];
extern const struct idn_class idn_classes[];
extern const size_t nidn_ranges, nidn_texts, nidn_pairs, nidn_classes;

#endif
