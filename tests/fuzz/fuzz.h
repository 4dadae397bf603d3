// SPDX-License-Identifier: ISC
/*
 * For all fuzz targets: their entry, and the check of what must hold.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the target if it does not hold. */
#define must(holds) ((holds) ? (void)0 : must_fail(__FILE__, __LINE__, #holds))

static inline void
must_fail(const char *file, int line, const char *what)
{
	(void)fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}

#endif
