// SPDX-License-Identifier: ISC
/*
 * TAP for unit tests, in one header.  A test file holds tables of cases and calls ok() once for
 * each case; names read ("data_before_rcpt").  main ends with `return tap_done();`.
 */
#ifndef TESTS_LIB_TAP_H
#define TESTS_LIB_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"

static unsigned tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused)) static bool
ok(bool passed, const char *name, ...)
{
	va_list ap;

	printf("%sok %u - ", passed ? "" : "not ", ++tap_count);
	va_start(ap, name);
	vprintf(name, ap);
	va_end(ap);
	putchar('\n');
	if (!passed)
		tap_failed++;
	return passed;
}

/* A test that cannot run here. */
__attribute__((unused)) static void
tap_skip(const char *name, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++tap_count, name, why);
}

/* Compare octets; print both if they differ. */
__attribute__((unused)) static bool
is(struct slice got, struct slice want, const char *name)
{
	bool same = slice_eq(got, want);

	ok(same, "%s", name);
	if (!same)
		printf("#  got: %.*s\n# want: %.*s\n", (int)got.n, got.p ? got.p : "", (int)want.n,
		    want.p ? want.p : "");
	return same;
}

__attribute__((unused)) static int
tap_done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed != 0;
}

#endif
