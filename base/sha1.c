// SPDX-License-Identifier: ISC
/*
 * SHA-1 as FIPS 180-4 section 6.1 has it, and HMAC as RFC 2104 section 2.
 */
#include "base/sha1.h"

#include <string.h>

static uint32_t
turn_left(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

/* The function and the constant of round t. */
static uint32_t
round_value(unsigned t, uint32_t b, uint32_t c, uint32_t d)
{
	if (t < 20)
		return ((b & c) | (~b & d)) + 0x5a827999U;
	if (t < 40)
		return (b ^ c ^ d) + 0x6ed9eba1U;
	if (t < 60)
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcU;
	return (b ^ c ^ d) + 0xca62c1d6U;
}

static void
take_block(struct sha1 *s)
{
	uint32_t w[80], a = s->h[0], b = s->h[1], c = s->h[2], d = s->h[3], e = s->h[4];

	for (unsigned t = 0; t < 16; t++)
		w[t] = (uint32_t)s->block[4 * t] << 24 | (uint32_t)s->block[4 * t + 1] << 16 |
		    (uint32_t)s->block[4 * t + 2] << 8 | s->block[4 * t + 3];
	for (unsigned t = 16; t < 80; t++)
		w[t] = turn_left(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
	for (unsigned t = 0; t < 80; t++) {
		const uint32_t next = turn_left(a, 5) + round_value(t, b, c, d) + e + w[t];

		e = d;
		d = c;
		c = turn_left(b, 30);
		b = a;
		a = next;
	}
	s->h[0] += a;
	s->h[1] += b;
	s->h[2] += c;
	s->h[3] += d;
	s->h[4] += e;
}

void
sha1_begin(struct sha1 *s)
{
	*s = (struct sha1){
		.h = { 0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U, 0xc3d2e1f0U },
	};
}

void
sha1_add(struct sha1 *s, struct slice octets)
{
	for (size_t i = 0; i < octets.n; i++) {
		s->block[s->octets++ % SHA1_BLOCK] = (unsigned char)octets.p[i];
		if (s->octets % SHA1_BLOCK == 0)
			take_block(s);
	}
}

void
sha1_end(struct sha1 *s, unsigned char ret[SHA1_OCTETS])
{
	const uint64_t bits = s->octets * 8;
	char length[8];

	for (unsigned i = 0; i < 8; i++)
		length[i] = (char)(bits >> (56 - 8 * i));
	sha1_add(s, SL("\x80"));
	while (s->octets % SHA1_BLOCK != SHA1_BLOCK - sizeof length)
		sha1_add(s, slice_of("", 1));
	sha1_add(s, slice_of(length, sizeof length));
	for (unsigned i = 0; i < SHA1_OCTETS; i++)
		ret[i] = (unsigned char)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

static void
begin_pad(struct sha1 *s, const unsigned char *key, unsigned char with)
{
	char pad[SHA1_BLOCK];

	for (size_t i = 0; i < sizeof pad; i++)
		pad[i] = (char)(key[i] ^ with);
	sha1_begin(s);
	sha1_add(s, slice_of(pad, sizeof pad));
	explicit_bzero(pad, sizeof pad);
}

void
hmac_sha1_begin(struct hmac_sha1 *m, struct slice key)
{
	unsigned char block[SHA1_BLOCK] = { 0 };
	struct sha1 *hash = &m->inner;

	if (key.n > sizeof block) {
		sha1_begin(hash);
		sha1_add(hash, key);
		sha1_end(hash, block);
	} else if (key.n) {
		memcpy(block, key.p, key.n);
	}
	begin_pad(&m->inner, block, 0x36);
	begin_pad(&m->outer, block, 0x5c);
	explicit_bzero(block, sizeof block);
}

void
hmac_sha1_add(struct hmac_sha1 *m, struct slice octets)
{
	sha1_add(&m->inner, octets);
}

void
hmac_sha1_end(struct hmac_sha1 *m, unsigned char ret[SHA1_OCTETS])
{
	unsigned char digest[SHA1_OCTETS];

	sha1_end(&m->inner, digest);
	sha1_add(&m->outer, slice_of((const char *)digest, sizeof digest));
	sha1_end(&m->outer, ret);
}
