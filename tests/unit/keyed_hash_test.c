// SPDX-License-Identifier: ISC
/*
 * base/keyed_hash: the values of its authors, and a key of the process.
 */
#include "base/keyed_hash.h"

#include "base/hash.h"
#include "tests/lib/tap.h"

/* "SipHash: a fast short-input PRF", appendix A, and its reference vectors for 0 and 8 octets. */
static void
test_vectors(void)
{
	static const uint64_t key[2] = {
		UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)
	};
	char octets[15];

	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (char)i;
	ok(keyed_hash_with(key, slice_of(octets, 15)) == UINT64_C(0xa129ca6149be45e5),
	    "15 octets");
	ok(keyed_hash_with(key, slice_of(octets, 0)) == UINT64_C(0x726fdb47dd0e0e31), "none");
	ok(keyed_hash_with(key, slice_of(octets, 8)) == UINT64_C(0x93f5f5799a932462), "8 octets");
}

static void
test_key(void)
{
	const struct slice a = SL("a@sender.example"), b = SL("b@sender.example");

	ok(keyed_hash(0, a) == keyed_hash(0, a), "the same octets");
	ok(keyed_hash(0, a) != keyed_hash(0, b), "others");
	ok(keyed_hash(keyed_hash(0, a), b) != keyed_hash(keyed_hash(0, b), a), "another order");
	ok(keyed_hash(0, a) != hash_slice(HASH_START, a) &&
	    keyed_hash(0, a) != keyed_hash_with((const uint64_t[2]){ 0, 0 }, a), "it has a key");
}

int
main(void)
{
	test_vectors();
	test_key();
	return tap_done();
}
