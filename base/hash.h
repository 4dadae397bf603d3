// SPDX-License-Identifier: ISC
/*
 * FNV-1a, 64 bits: for hash tables, and to detect a change.  It does not resist an attacker.  A
 * collision may cost a comparison, but must never decide anything.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/slice.h"

#define HASH_START UINT64_C(14695981039346656037)

static inline uint64_t
hash_octet(uint64_t h, unsigned char octet)
{
	return (h ^ octet) * UINT64_C(1099511628211);
}

static inline uint64_t
hash_octets(uint64_t h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = hash_octet(h, ((const unsigned char *)p)[i]);
	return h;
}

static inline uint64_t
hash_slice(uint64_t h, struct slice s)
{
	return hash_octets(h, s.p, s.n);
}

/* Hash s; upper and lower case of an ASCII letter give the same result. */
static inline uint64_t
hash_slice_any_case(uint64_t h, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		h = hash_octet(h, (unsigned char)ascii_lower(s.p[i]));
	return h;
}

#endif
