// SPDX-License-Identifier: ISC
#include "base/base64.h"

#include "tests/lib/tap.h"

static const struct {
	struct slice octets;
	struct slice text;
} pairs[] = {
	/* the examples of the RFC, and octets that are not text (RFC 4648 section 10) */
	{ S(""), S("") },
	{ S("f"), S("Zg==") },
	{ S("fo"), S("Zm8=") },
	{ S("foo"), S("Zm9v") },
	{ S("foob"), S("Zm9vYg==") },
	{ S("fooba"), S("Zm9vYmE=") },
	{ S("foobar"), S("Zm9vYmFy") },
	{ S("\0a\0b"), S("AGEAYg==") },
	{ S("\xff\xfe\xfd\xfb\xef\xbe"), S("//79++++") },
	{ S("\0\0\0"), S("AAAA") },
};

static const char *const bad[] = {
	"Z", "Zg", "Zg=", "Zg===", "=", "==", "====", "Zg==Zg==", "Zm9v=", "Z===", "Zm9v\n", "Zm 9",
	"Zh==", "Zm9=", "Zm9-", "Zm9_", "Zm9,", "=m9v", "Z=9v", "Zm=v", "*", "Zm9\xfc",
};

int
main(void)
{
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		char space[32];
		struct buf b = BUF(space);

		ok(base64_decode(&b, pairs[i].text), "\"%s\" is base64", pairs[i].text.p);
		is(buf_slice(&b), pairs[i].octets, "it is decoded");
		b.n = 0;
		base64_encode(&b, pairs[i].octets);
		is(buf_slice(&b), pairs[i].text, "it is encoded");
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char space[32];
		struct buf b = BUF(space);

		ok(!base64_decode(&b, slice_str(bad[i])), "\"%s\" is not base64", bad[i]);
	}
	{
		char space[2];
		struct buf b = BUF(space);

		ok(base64_decode(&b, SL("Zm9v")) && b.full, "more than fits");
		ok(!base64_decode(&b, slice_of("Zm9\0", 4)), "a NUL is not base64");
	}
	return tap_done();
}
