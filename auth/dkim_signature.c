// SPDX-License-Identifier: ISC
/*
 * Whatever cannot be read is "neutral", and whatever we do not accept is "policy" (RFC 8601 section
 * 2.7.1).
 */
#include "auth/dkim_signature.h"

#include "auth/name.h"
#include "auth/tags.h"
#include "base/base64.h"

static bool
give_up(struct dkim_signature *s, enum dkim_result result, const char *why)
{
	s->result = result;
	s->why = why;
	return false;
}

/* Decode base64 with blanks and line ends in it. */
static bool
decode(struct slice text, char *to, size_t max, size_t *ret_n)
{
	char space[DKIM_SIGNATURE_FIELD];
	struct buf digits = BUF(space), octets = { .p = to, .cap = max };

	for (size_t i = 0; i < text.n; i++)
		if (!ascii_blank(text.p[i]) && text.p[i] != '\r' && text.p[i] != '\n')
			buf_chr(&digits, text.p[i]);
	if (digits.full || digits.n == 0 || !base64_decode(&octets, buf_slice(&digits)) ||
	    octets.full)
		return false;
	*ret_n = octets.n;
	return true;
}

static bool
take_algorithm(struct dkim_signature *s)
{
	const struct slice a = tags_find(s->body, SL("a"));

	s->ed25519 = slice_ieq(a, SL("ed25519-sha256"));
	if (s->ed25519 || slice_ieq(a, SL("rsa-sha256")))
		return true;
	if (slice_ieq(a, SL("rsa-sha1")))	/* RFC 8301 section 3.1 */
		return give_up(s, DKIM_POLICY, "rsa-sha1 is not accepted");
	return give_up(s, DKIM_NEUTRAL, "unknown algorithm");
}

/* c=header/body */
static bool
take_forms(struct dkim_signature *s)
{
	struct slice body, c = tags_find(s->body, SL("c"));
	const struct slice header = slice_cut(c, '/', &body);

	s->relaxed_header = slice_ieq(header, SL("relaxed"));
	s->relaxed_body = slice_ieq(body, SL("relaxed"));
	if ((c.n && !s->relaxed_header && !slice_ieq(header, SL("simple"))) ||
	    (body.n && !s->relaxed_body && !slice_ieq(body, SL("simple"))))
		return give_up(s, DKIM_NEUTRAL, "unknown canonicalization");
	return true;
}

static bool
take_names(struct dkim_signature *s)
{
	struct slice rest, one;
	bool from = false;
	size_t n = 0;

	s->names = rest = tags_find(s->body, SL("h"));
	while (tags_word(&rest, ':', &one)) {
		from |= slice_ieq(one, SL("from"));
		n++;
	}
	if (!from)
		return give_up(s, DKIM_PERMERROR, "From is not signed");
	if (n > DKIM_SIGNED_NAMES)
		return give_up(s, DKIM_POLICY, "too many names in h=");
	return true;
}

/* d=, s= and i=: the identity is in the domain. */
static bool
take_domains(struct dkim_signature *s)
{
	const char *at;
	struct slice identity;

	s->domain = tags_find(s->body, SL("d"));
	s->selector = tags_find(s->body, SL("s"));
	identity = tags_find(s->body, SL("i"));
	if (!auth_name_valid(s->domain) || !auth_name_valid(s->selector))
		return give_up(s, DKIM_NEUTRAL, "no domain or no selector");
	s->identity = s->domain;
	if (!identity.p)
		return true;
	at = identity.n ? memrchr(identity.p, '@', identity.n) : NULL;
	if (!at)
		return give_up(s, DKIM_NEUTRAL, "i= is no address");
	s->identity = slice_skip(identity, (size_t)(at - identity.p) + 1);
	if (!auth_name_beneath(s->identity, s->domain))
		return give_up(s, DKIM_PERMERROR, "i= is not in the domain");
	return true;
}

/* A number of a tag; false if it is none.  *ret_has: the tag is there. */
static bool
take_number(const struct dkim_signature *s, struct slice name, uint64_t *ret, bool *ret_has)
{
	const struct slice v = tags_find(s->body, name);

	*ret = 0;
	*ret_has = v.p != NULL;
	return !v.p || slice_uint(v, INT64_MAX, ret);
}

static bool
take_times(struct dkim_signature *s, int64_t now_s)
{
	uint64_t since, until;
	bool has_since, has_until;

	if (!take_number(s, SL("t"), &since, &has_since) ||
	    !take_number(s, SL("x"), &until, &has_until) ||
	    !take_number(s, SL("l"), &s->length, &s->limited))
		return give_up(s, DKIM_NEUTRAL, "t=, x= or l= is no number");
	if (has_since && has_until && until <= since)
		return give_up(s, DKIM_PERMERROR, "x= is before t=");
	if (has_until && (int64_t)until < now_s)
		return give_up(s, DKIM_POLICY, "the signature has expired");
	return true;
}

static bool
take_octets(struct dkim_signature *s)
{
	size_t n;

	s->signature_text = tags_find(s->body, SL("b"));
	if (!decode(s->signature_text, s->signature, sizeof s->signature, &s->nsignature) ||
	    !decode(tags_find(s->body, SL("bh")), s->body_hash, sizeof s->body_hash, &n) ||
	    n != DKIM_HASH_OCTETS)
		return give_up(s, DKIM_NEUTRAL, "b= or bh= cannot be read");
	return true;
}

void
dkim_signature_read(struct dkim_signature *s, struct slice body, int64_t now_s)
{
	struct slice q;

	*s = (struct dkim_signature){ .result = DKIM_PENDING, .body = body };
	if (body.n > DKIM_SIGNATURE_FIELD) {
		(void)give_up(s, DKIM_POLICY, "the field is too long");
		return;
	}
	if (!tags_valid(body) || !slice_eq(tags_find(body, SL("v")), SL("1"))) {
		(void)give_up(s, DKIM_NEUTRAL, "not a signature of version 1");
		return;
	}
	q = tags_find(body, SL("q"));
	if (q.p && !tags_has_word(q, ':', SL("dns/txt"))) {
		(void)give_up(s, DKIM_NEUTRAL, "its key is not in the DNS");
		return;
	}
	(void)(take_domains(s) && take_algorithm(s) && take_forms(s) && take_names(s) &&
	    take_times(s, now_s) && take_octets(s));
}

bool
dkim_signature_key_name(const struct dkim_signature *s, struct buf *b)
{
	buf_add(b, s->selector);
	buf_str(b, "._domainkey.");
	buf_add(b, s->domain);
	return !b->full && auth_name_valid(buf_slice(b));
}

const char *
dkim_key_read(struct dkim_key *k, struct slice text, const struct dkim_signature *s)
{
	const struct slice v = tags_find(text, SL("v")), type = tags_find(text, SL("k"));
	const struct slice h = tags_find(text, SL("h")), service = tags_find(text, SL("s"));
	const struct slice t = tags_find(text, SL("t")), p = tags_find(text, SL("p"));

	if (!tags_valid(text) || !p.p || (v.p && !slice_eq(v, SL("DKIM1"))))
		return "the record is no key";
	if (p.n == 0)
		return "the key is revoked";
	if (!slice_ieq(type.p ? type : SL("rsa"), s->ed25519 ? SL("ed25519") : SL("rsa")))
		return "the key is of another type";
	if (h.p && !tags_has_word(h, ':', SL("sha256")))
		return "the key is not for sha256";
	if (service.p && !tags_has_word(service, ':', SL("*")) &&
	    !tags_has_word(service, ':', SL("email")))
		return "the key is not for mail";
	if (t.p && tags_has_word(t, ':', SL("s")) && !slice_ieq(s->identity, s->domain))
		return "the key is not for subdomains";
	if (!decode(p, k->octets, sizeof k->octets, &k->n))
		return "the key cannot be read";
	k->testing = t.p && tags_has_word(t, ':', SL("y"));
	return NULL;
}

const char *
dkim_word(enum dkim_result result)
{
	static const char *const words[] = {
		[DKIM_PENDING] = "temperror", [DKIM_PASS] = "pass", [DKIM_FAIL] = "fail",
		[DKIM_POLICY] = "policy", [DKIM_NEUTRAL] = "neutral",
		[DKIM_TEMPERROR] = "temperror", [DKIM_PERMERROR] = "permerror",
	};

	return words[result];
}
