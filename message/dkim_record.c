// SPDX-License-Identifier: ISC
/*
 * Tags are read as verifiers do: blanks around them, and inside a key, do not count.
 */
#include "message/dkim_record.h"

#include "base/base64.h"

void
dkim_record(struct buf *b, const char *type, struct slice public)
{
	buf_str(b, "v=DKIM1; k=");
	buf_str(b, type);
	buf_str(b, "; p=");
	base64_encode(b, public);
}

/* The value of a tag.  Without it, p of the result is NULL. */
static struct slice
tag(struct slice text, struct slice name)
{
	while (text.n) {
		struct slice value, rest, one = slice_cut(text, ';', &rest);

		if (slice_eq(slice_trim(slice_cut(one, '=', &value)), name))
			return slice_trim(value);
		text = rest;
	}
	return slice_of(NULL, 0);
}

/* Is word one of the words between colons? */
static bool
lists(struct slice list, struct slice word)
{
	while (list.n) {
		struct slice rest, one = slice_trim(slice_cut(list, ':', &rest));

		if (slice_eq(one, word))
			return true;
		list = rest;
	}
	return false;
}

static bool
same_key(struct slice text, struct slice public)
{
	char space[DKIM_RECORD_MAX], octets[DKIM_RECORD_MAX];
	struct buf digits = BUF(space), key = BUF(octets);

	for (size_t i = 0; i < text.n; i++)
		if (!ascii_blank(text.p[i]))
			buf_chr(&digits, text.p[i]);
	return !digits.full && base64_decode(&key, buf_slice(&digits)) && !key.full &&
	    slice_eq(buf_slice(&key), public);
}

const char *
dkim_record_fault(struct slice text, const char *type, struct slice public)
{
	const struct slice v = tag(text, SL("v")), k = tag(text, SL("k")), p = tag(text, SL("p"));
	const struct slice h = tag(text, SL("h")), s = tag(text, SL("s"));

	if (v.p && !slice_eq(v, SL("DKIM1")))
		return "its v= is not DKIM1";
	if (!p.p)
		return "it has no p=";
	if (p.n == 0)
		return "its p= is empty: the key is revoked";
	if (!slice_eq(k.p ? k : SL("rsa"), slice_str(type)))
		return "its k= is of another type";
	if (!same_key(p, public))
		return "its p= is another key";
	if (h.p && !lists(h, SL("sha256")))
		return "its h= does not allow sha256";
	if (s.p && !lists(s, SL("email")) && !lists(s, SL("*")))
		return "its s= does not allow email";
	return NULL;
}
