// SPDX-License-Identifier: ISC
#include "base/hash.h"

#include "tests/lib/tap.h"

/* Vectors of FNV-1a that its authors publish: the sums in state/frozen must not change. */
static const struct {
	const char *name;
	struct slice text;
	uint64_t want;
} cases[] = {
	{ "nothing", S(""), UINT64_C(0xcbf29ce484222325) },
	{ "one octet", S("a"), UINT64_C(0xaf63dc4c8601ec8c) },
	{ "a word", S("foobar"), UINT64_C(0x85944171f73967e8) },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(hash_slice(HASH_START, cases[i].text) == cases[i].want, "%s", cases[i].name);
	ok(hash_slice(hash_slice(HASH_START, SL("foo")), SL("bar")) == cases[2].want,
	    "in two parts");
	ok(hash_slice_any_case(HASH_START, SL("FooBAR")) == cases[2].want,
	    "in any case of letters");
	ok(hash_slice(HASH_START, SL("FooBAR")) != cases[2].want, "in one case of letters");
	return tap_done();
}
