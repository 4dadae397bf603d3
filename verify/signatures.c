// SPDX-License-Identifier: ISC
/*
 * Each form of the body is hashed once, whatever the number of signatures.
 */
#include "verify/signatures.h"

#include <assert.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/sign.h"

static_assert(DKIM_HASH_OCTETS == DIGEST_OCTETS, "SHA-256");
static_assert(DKIM_SIGNATURE_MAX == SIGN_SIGNATURE_MAX, "the longest key");

static void
hash_octets(void *ctx, struct slice octets)
{
	digest_add(ctx, octets);
}

bool
signatures_begin(struct signatures *s)
{
	bool good = true;

	for (int i = 0; i < DKIM_FORMS; i++) {
		if (!s->digests[i])
			s->digests[i] = digest_new();
		s->sinks[i] = (struct dkim_sink){ hash_octets, s->digests[i] };
		good = good && s->digests[i];
	}
	if (!s->header)
		s->header = digest_new();
	s->header_sink = (struct dkim_sink){ hash_octets, s->header };
	dkim_message_begin(&s->message);
	return good && s->header;
}

void
signatures_field(struct signatures *s, struct slice name, struct slice value, bool blank)
{
	char space[8192];
	struct buf with = BUF(space);

	/* An old server takes the blank behind the colon, which "simple" needs. */
	if (!blank && value.n < sizeof space) {
		buf_chr(&with, ' ');
		buf_add(&with, value);
		value = buf_slice(&with);
	}
	dkim_message_field(&s->message, name, value);
}

void
signatures_header_end(struct signatures *s)
{
	char unused[DIGEST_OCTETS];

	/* A message that was broken off has left octets. */
	for (int i = 0; i < DKIM_FORMS; i++)
		(void)digest_end(s->digests[i], unused);
	dkim_message_header_end(&s->message, clock_wall_s(), s->sinks);
}

void
signatures_body(struct signatures *s, struct slice octets)
{
	dkim_message_body(&s->message, octets);
}

void
signatures_end(struct signatures *s)
{
	char hashes[DKIM_FORMS][DIGEST_OCTETS] = { { 0 } };

	dkim_message_end(&s->message);
	for (int i = 0; i < DKIM_FORMS; i++)
		(void)digest_end(s->digests[i], hashes[i]);
	dkim_message_hashes(&s->message, hashes);
}

static void
settle(struct dkim_signature *d, enum dkim_result result, const char *why)
{
	d->result = result;
	d->why = why;
}

/* Check a signature with a key. */
static void
verify_with(struct signatures *s, size_t i, const struct dkim_key *k)
{
	struct dkim_signature *d = &s->message.signatures[i];
	char hash[DIGEST_OCTETS];

	dkim_message_put(&s->message, i, &s->header_sink);
	if (!digest_end(s->header, hash)) {
		settle(d, DKIM_TEMPERROR, "out of memory");
		return;
	}
	switch (sign_check(d->ed25519 ? SIGN_ED25519 : SIGN_RSA, slice_of(k->octets, k->n),
	    slice_of(hash, sizeof hash), slice_of(d->signature, d->nsignature))) {
	case SIGN_GOOD:
		settle(d, DKIM_PASS, NULL);
		break;
	case SIGN_BAD:
		settle(d, k->testing ? DKIM_NEUTRAL : DKIM_FAIL, k->testing ?
		    "the signature does not fit, with a key for tests" :
		    "the header section has been changed");
		break;
	case SIGN_NO_KEY:
		settle(d, DKIM_PERMERROR, "the key cannot be read");
		break;
	case SIGN_WEAK_KEY:
		settle(d, DKIM_POLICY, "the key is shorter than 1024 or longer than 4096 bits");
		break;
	case SIGN_TROUBLE:
		settle(d, DKIM_TEMPERROR, "out of memory");
		break;
	}
}

/* False while the key is not known. */
static bool
check_one(struct signatures *s, size_t i, const struct auth_dns *dns)
{
	struct dkim_signature *d = &s->message.signatures[i];
	const struct auth_answer *a;
	const char *why = "there is no key in the DNS";
	char space[512];
	struct buf name = BUF(space);
	struct dkim_key key;

	if (!dkim_signature_key_name(d, &name)) {
		settle(d, DKIM_PERMERROR, why);
		return true;
	}
	a = dns->ask(dns->ctx, buf_slice(&name), AUTH_TXT);
	if (!a)
		return false;
	if (a->status == AUTH_FAILED) {
		settle(d, DKIM_TEMPERROR, "the DNS has no answer for the key");
		return true;
	}
	for (size_t k = 0; k < a->n; k++) {
		why = dkim_key_read(&key, a->records[k].text, d);
		if (why)
			continue;
		verify_with(s, i, &key);
		return true;
	}
	settle(d, DKIM_PERMERROR, why);
	return true;
}

bool
signatures_check(struct signatures *s, const struct auth_dns *dns)
{
	bool done = true;

	for (size_t i = 0; i < s->message.nsignatures; i++)
		if (s->message.signatures[i].result == DKIM_PENDING)
			done &= check_one(s, i, dns);
	return done;
}
