// SPDX-License-Identifier: ISC
/*
 * A fuzz target under AFL++: the octets come through its shared memory, many inputs to a process.
 * Without AFL++ it reads one input from standard input, so that a finding can be run alone.
 */
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define LOOPS 10000	/* inputs of a process */

/* The macros of AFL++ convert as they like. */
#pragma clang diagnostic ignored "-Wconversion"
#pragma clang diagnostic ignored "-Wshorten-64-to-32"

__AFL_FUZZ_INIT();

int
main(void)
{
	const unsigned char *data;

	__AFL_INIT();
	data = __AFL_FUZZ_TESTCASE_BUF;
	while (__AFL_LOOP(LOOPS)) {
		/* A copy of exactly this size, so that a sanitizer sees a read past its end. */
		const size_t n = (size_t)__AFL_FUZZ_TESTCASE_LEN;
		uint8_t *exact = malloc(n ? n : 1);

		if (!exact)
			break;
		memcpy(exact, data, n);
		(void)LLVMFuzzerTestOneInput(exact, n);
		free(exact);
	}
	return 0;
}
