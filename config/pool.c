// SPDX-License-Identifier: ISC
/*
 * A stack of chunks in a static array, each behind its size; malloc(3) after the array is full.
 * Not for threads.
 */
#include "config/pool.h"

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/large.h"

/* The address sanitizer checks the bounds of malloc(3)'s memory only, so the pool is tiny then. */
#if defined(__SANITIZE_ADDRESS__)
#define POOL 64
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL 64
#endif
#endif
#ifndef POOL
#define POOL 16384
#endif
#define HEAD alignof(max_align_t)	/* holds the size of the chunk behind it */

static LARGE_BEGUN alignas(max_align_t) char pool[POOL];
static size_t used;

static bool
in_pool(const char *p)
{
	return (uintptr_t)p >= (uintptr_t)pool && (uintptr_t)p < (uintptr_t)pool + sizeof pool;
}

/* The size of the chunk at p. */
static size_t
size_of(const char *p)
{
	size_t n;

	memcpy(&n, p - HEAD, sizeof n);
	return n;
}

static bool
is_last(const char *p)
{
	return p + size_of(p) == pool + used;
}

void *
pool_alloc(size_t n)
{
	char *p = pool + used + HEAD;

	if (n == 0)
		n = 1;
	if (n <= sizeof pool)		/* more than that could overflow here */
		n = (n + HEAD - 1) / HEAD * HEAD;
	if (n > sizeof pool - used || sizeof pool - used - n < HEAD)
		return malloc(n);
	memcpy(p - HEAD, &n, sizeof n);
	used += HEAD + n;
	return p;
}

void *
pool_realloc(void *p, size_t n)
{
	char *new;

	if (!p)
		return pool_alloc(n);
	if (!in_pool(p))
		return realloc(p, n);
	if (n <= size_of(p))
		return p;
	new = pool_alloc(n);
	if (new) {
		memcpy(new, p, size_of(p));
		pool_free(p);
	}
	return new;
}

void
pool_free(void *p)
{
	if (!p || !in_pool(p))
		free(p);
	else if (is_last(p))
		used = (size_t)((char *)p - HEAD - pool);
}

char *
pool_copy(struct slice s)
{
	char *p = pool_alloc(s.n + 1);

	if (!p)
		return NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

int
pool_replace(char **at, struct slice s)
{
	char *p = s.n ? pool_copy(s) : NULL;

	if (s.n && !p)
		return -ENOMEM;
	pool_free(*at);
	*at = p;
	return 0;
}
