// SPDX-License-Identifier: ISC
#include "config/pool.h"

#include <stdint.h>
#include <stdlib.h>

#include "tests/lib/tap.h"

#define MANY 400

/* The test asks for too much on purpose. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* More blocks than the pool holds, of growing sizes. */
static void
test_many(void)
{
	static char *chunk[MANY];
	bool aligned = true, whole = true;

	for (size_t i = 0; i < MANY; i++) {
		chunk[i] = pool_alloc(i);
		if (!chunk[i])
			abort();
		memset(chunk[i], (int)(i & 0xff), i);
		aligned = aligned && (uintptr_t)chunk[i] % _Alignof(max_align_t) == 0;
	}
	for (size_t i = 0; i < MANY; i++) {
		chunk[i] = pool_realloc(chunk[i], 2 * i);
		if (!chunk[i])
			abort();
		for (size_t k = 0; k < i; k++)
			whole = whole && chunk[i][k] == (char)(i & 0xff);
		memset(chunk[i], (int)(i & 0xff), 2 * i);
	}
	for (size_t i = 0; i < MANY; i++)
		for (size_t k = 0; k < 2 * i; k++)
			whole = whole && chunk[i][k] == (char)(i & 0xff);
	ok(aligned, "blocks are aligned for any type");
	ok(whole, "no block overlaps another, in the pool or outside, grown or not");
	for (size_t i = MANY; i > 0; i--)
		pool_free(chunk[i - 1]);
}

int
main(void)
{
	char *first = pool_alloc(1), *again, *p;

	if (!first)
		abort();
	*first = 'x';
	pool_free(first);
	again = pool_alloc(8);
	ok(again != NULL, "a block that was given back is taken again");
	pool_free(again);
	test_many();
	p = pool_alloc(SIZE_MAX);
	ok(p == NULL, "more than there is: NULL");
	p = pool_alloc(SIZE_MAX - 20);
	ok(p == NULL, "a size that would overflow: NULL");
	p = pool_realloc(NULL, 10);
	ok(p != NULL, "realloc of NULL is alloc");
	ok(pool_realloc(p, SIZE_MAX / 2) == NULL, "a realloc that fails leaves the block alone");
	pool_free(p);
	pool_free(NULL);
	pool_free(malloc(10));
	ok(true, "free takes NULL, and blocks of malloc");
	return tap_done();
}
