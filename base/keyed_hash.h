// SPDX-License-Identifier: ISC
/*
 * SipHash-2-4 with a key of this process and its children: for hashes that decide something, of
 * octets that a stranger chose.  Nobody can choose two that collide.
 */
#ifndef BASE_KEYED_HASH_H
#define BASE_KEYED_HASH_H

#include <stdint.h>

#include "base/slice.h"

/* The hash of s, and of all that `before` is the hash of; 0: there is nothing before. */
uint64_t keyed_hash(uint64_t before, struct slice s);

/* The hash of s with this key, as its authors define it. */
uint64_t keyed_hash_with(const uint64_t key[2], struct slice s);

#endif
