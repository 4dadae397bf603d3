// SPDX-License-Identifier: ISC
/*
 * An address goes into an envelope and a field, so only characters of a dot-atom may be in it.
 */
#include "auth/rua.h"

#include "auth/tags.h"
#include "base/name.h"

#define SIZE_MAX_OCTETS (UINT64_C(1) << 50)

static int
hex_digit(char c)
{
	c = ascii_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Remove the percent-encoding of a URI (RFC 3986 section 2.1), which "!" and "," need. */
static bool
decode(struct slice s, struct buf *b)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			const int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
			const int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		}
		buf_chr(b, c);
	}
	return !b->full;
}

/* A dot-atom (RFC 5322 section 3.2.3). */
static bool
is_local_part(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char c = ascii_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' &&
		    (c == '\0' || !strchr("!#$%&'*+-/=?^_`{|}~", c)))
			return false;
	}
	return s.n && s.n <= 64 && s.p[0] != '.' && s.p[s.n - 1] != '.' &&
	    !memmem(s.p, s.n, "..", 2);
}

/* "10m": a number with a unit of powers of 1024.  False if it is none. */
static bool
read_size(struct slice s, uint64_t *ret)
{
	static const char units[] = "kmgt";
	const char *unit = s.n ? strchr(units, ascii_lower(s.p[s.n - 1])) : NULL;
	unsigned shift = 0;

	if (unit && *unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		s.n--;
	}
	if (!slice_uint(s, SIZE_MAX_OCTETS >> shift, ret) || *ret == 0)
		return false;
	*ret <<= shift;
	return true;
}

static bool
read_place(struct slice place, struct rua *ret)
{
	const struct slice scheme = SL("mailto:");
	struct buf b = BUF(ret->address);
	struct slice size, parameters;
	const char *at;

	if (!slice_has_iprefix(place, scheme))
		return false;
	place = slice_cut(slice_skip(place, scheme.n), '!', &size);
	place = tags_trim(slice_cut(place, '?', &parameters));
	ret->octets = 0;
	if ((size.n && !read_size(tags_trim(size), &ret->octets)) || !decode(place, &b))
		return false;
	(void)buf_cstr(&b);
	at = b.n ? memrchr(b.p, '@', b.n) : NULL;
	if (b.full || !at || !is_local_part(slice_of(b.p, (size_t)(at - b.p))))
		return false;
	ret->domain = at + 1;
	return name_is_fqdn(slice_str(ret->domain));
}

bool
rua_next(struct slice *list, struct rua *ret)
{
	struct slice place;

	while (tags_word(list, ',', &place))
		if (read_place(place, ret))
			return true;
	return false;
}
