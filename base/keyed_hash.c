// SPDX-License-Identifier: ISC
/*
 * SipHash-2-4 (J.-P. Aumasson, D. J. Bernstein: SipHash: a fast short-input PRF, 2012).
 */
#include "base/keyed_hash.h"

#include <stdbool.h>
#include <sys/random.h>

static uint64_t
turn_left(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static void
run_rounds(uint64_t v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[1] = turn_left(v[1], 13) ^ v[0];
		v[0] = turn_left(v[0], 32);
		v[2] += v[3];
		v[3] = turn_left(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = turn_left(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = turn_left(v[1], 17) ^ v[2];
		v[2] = turn_left(v[2], 32);
	}
}

static void
add_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	run_rounds(v, 2);
	v[0] ^= word;
}

/* Up to eight octets, the first one lowest. */
static uint64_t
word_of(const char *p, size_t n)
{
	uint64_t word = 0;

	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)(unsigned char)p[i] << 8 * i;
	return word;
}

uint64_t
keyed_hash_with(const uint64_t key[2], struct slice s)
{
	uint64_t v[4] = {
		key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573),
	};
	size_t at = 0;

	for (; s.n - at >= 8; at += 8)
		add_word(v, word_of(s.p + at, 8));
	add_word(v, (uint64_t)(s.n & 0xff) << 56 | word_of(s.p + at, s.n - at));
	v[2] ^= 0xff;
	run_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
keyed_hash(uint64_t before, struct slice s)
{
	static uint64_t secret[2];
	static bool known;
	uint64_t key[2];

	if (!known)		/* an error only costs the secrecy */
		known = getrandom(secret, sizeof secret, 0) == (ssize_t)sizeof secret;
	key[0] = secret[0] ^ before;
	key[1] = secret[1];
	return keyed_hash_with(key, s);
}
