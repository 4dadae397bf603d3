// SPDX-License-Identifier: ISC
#include "base/sha1.h"

#include "base/buf.h"
#include "tests/lib/tap.h"

static char eighty[81], million[1001];

static const struct {
	const char *name, *text;
	unsigned times;
	const char *digest;
} hashes[] = {
	/* the examples of FIPS 180 */
	{ "nothing", "", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
	{ "three octets", "abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ "56 octets: the length has a block of its own",
	    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
	    "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
	{ "a million octets", million, 1000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f" },
};

static const struct {
	const char *name;
	struct slice key;
	const char *text, *digest;
} codes[] = {
	/* RFC 2202 section 3 */
	{ "case 1", S("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
	    "\x0b\x0b"), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00" },
	{ "case 2", S("Jefe"), "what do ya want for nothing?",
	    "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
	{ "case 6: a key longer than a block", { eighty, 80 },
	    "Test Using Larger Than Block-Size Key - Hash Key First",
	    "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
	{ "case 7", { eighty, 80 },
	    "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
	    "e8e99d0f45237d786d6bbaa7965c7808bbff1a91" },
};

static struct slice
hex(const unsigned char *digest)
{
	static char space[2 * SHA1_OCTETS + 1];
	struct buf b = BUF(space);

	for (size_t i = 0; i < SHA1_OCTETS; i++)
		buf_fmt(&b, "%02x", digest[i]);
	return buf_slice(&b);
}

int
main(void)
{
	unsigned char digest[SHA1_OCTETS];
	struct hmac_sha1 m;
	struct sha1 s;

	memset(eighty, 0xaa, 80);
	memset(million, 'a', 1000);
	for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
		sha1_begin(&s);
		for (unsigned k = 0; k < hashes[i].times; k++)
			sha1_add(&s, slice_str(hashes[i].text));
		sha1_end(&s, digest);
		is(hex(digest), slice_str(hashes[i].digest), hashes[i].name);
	}
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		hmac_sha1_begin(&m, codes[i].key);
		hmac_sha1_add(&m, slice_str(codes[i].text));
		hmac_sha1_end(&m, digest);
		is(hex(digest), slice_str(codes[i].digest), codes[i].name);
	}
	return tap_done();
}
