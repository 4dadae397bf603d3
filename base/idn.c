// SPDX-License-Identifier: ISC
/*
 * The canonical form is the A-labels, as the DNS has them.  So an A-label needs no decoding, and
 * one that no U-label stands for is only the same as itself.  U-labels are mapped as UTS 46 has it,
 * composed (NFC) and encoded (RFC 3492).
 *
 * The runner asks libidn2 for the names of the DNS.  smtp-handler links libc only, and a policy
 * must hold in both, so both compare by this file.  Tables that libidn2 confirmed make the two
 * agree; a unit test compares them.  Whether a name is allowed is not judged here.
 */
#include "base/idn.h"

#include "base/cidr.h"
#include "base/hash.h"
#include "base/idn_tables.h"
#include "base/utf8.h"

/* Octets of a domain that is converted: more than any that a client may send. */
#define DOMAIN_MAX 256
#define POINTS_MAX (4 * DOMAIN_MAX)

enum {
	HANGUL = 0xac00, LEAD = 0x1100, VOWEL = 0x1161, TAIL = 0x11a7,
	LEADS = 19, VOWELS = 21, TAILS = 28,
};

struct points {
	uint32_t p[POINTS_MAX];
	size_t n;
	bool full;
};

static void
add_point(struct points *to, uint32_t c)
{
	if (to->n == POINTS_MAX)
		to->full = true;
	else
		to->p[to->n++] = c;
}

/* The number of rows of a sorted table that begin at or in front of c. */
static size_t
rows_until(const void *table, size_t n, size_t size, uint32_t c)
{
	size_t low = 0;

	while (low < n) {
		const size_t middle = low + (n - low) / 2;
		uint32_t first;		/* each row begins with its key */

		memcpy(&first, (const char *)table + middle * size, sizeof first);
		if (first <= c)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

static uint32_t
map_one(uint32_t c)
{
	size_t low;

	if (c < 0x80)
		return (uint32_t)ascii_lower((char)c);
	low = rows_until(idn_ranges, nidn_ranges, sizeof idn_ranges[0], c);
	/* Ranges with a step may lie inside each other. */
	for (size_t i = 0; i < 4 && i < low; i++) {
		const struct idn_range *r = &idn_ranges[low - 1 - i];
		const uint32_t away = c - r->first;

		if (away % r->step == 0 && away / r->step < r->count)
			return (uint32_t)((int64_t)c + r->shift);
	}
	return c;
}

/* Split a character into those that it is composed of, so that marks can be put in order. */
static void
decompose(struct points *to, uint32_t c)
{
	const size_t i = rows_until(idn_pairs, nidn_pairs, sizeof idn_pairs[0], c);

	if (i && idn_pairs[i - 1].whole == c) {
		decompose(to, idn_pairs[i - 1].first);
		add_point(to, idn_pairs[i - 1].second);
	} else {
		add_point(to, c);
	}
}

static void
map_point(struct points *to, uint32_t c)
{
	const size_t i = rows_until(idn_texts, nidn_texts, sizeof idn_texts[0], c);

	if (i && idn_texts[i - 1].from == c) {
		for (size_t k = 0; k < IDN_TEXT_MAX && idn_texts[i - 1].to[k]; k++)
			decompose(to, idn_texts[i - 1].to[k]);
		return;
	}
	c = map_one(c);
	decompose(to, c == 0x3002 ? '.' : c);	/* the ideographic full stop */
}

static unsigned
class_of(uint32_t c)
{
	const size_t i = rows_until(idn_classes, nidn_classes, sizeof idn_classes[0], c);

	return i && c <= idn_classes[i - 1].last ? idn_classes[i - 1].class : 0;
}

static void
order_marks(struct points *s)
{
	for (size_t i = 1; i < s->n; i++) {
		const uint32_t c = s->p[i];
		const unsigned class = class_of(c);
		size_t k = i;

		for (; class && k && class_of(s->p[k - 1]) > class; k--)
			s->p[k] = s->p[k - 1];
		s->p[k] = c;
	}
}

/* 0 if the two are not composed. */
static uint32_t
compose_pair(uint32_t a, uint32_t b)
{
	if (a - LEAD < LEADS && b - VOWEL < VOWELS)
		return HANGUL + ((a - LEAD) * VOWELS + (b - VOWEL)) * TAILS;
	if (a - HANGUL < LEADS * VOWELS * TAILS && (a - HANGUL) % TAILS == 0 && b > TAIL &&
	    b < TAIL + TAILS)
		return a + (b - TAIL);
	for (size_t i = 0; b >= 0x300 && i < nidn_pairs; i++)
		if (idn_pairs[i].first == a && idn_pairs[i].second == b)
			return idn_pairs[i].whole;
	return 0;
}

static void
compose(struct points *s)
{
	size_t n = 0, starter = 0;
	bool started = false;
	unsigned last = 0;		/* class of the mark before, behind the starter */

	for (size_t i = 0; i < s->n; i++) {
		const uint32_t c = s->p[i];
		const unsigned class = class_of(c);
		const bool blocked = n > starter + 1 && (last >= class || last == 0);
		const uint32_t whole = started && !blocked ? compose_pair(s->p[starter], c) : 0;

		if (whole) {
			s->p[starter] = whole;
			continue;
		}
		if (class == 0) {
			starter = n;
			started = true;
		}
		last = class;
		s->p[n++] = c;
	}
	s->n = n;
}

/* The bias of the next number (RFC 3492 section 6.1). */
static uint32_t
adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta /= first ? 700 : 2;
	delta += delta / points;
	for (; delta > 455; k += 36)
		delta /= 35;
	return k + 36 * delta / (delta + 38);
}

static void
put_number(struct buf *b, uint32_t q, uint32_t bias)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	for (uint32_t k = 36;; k += 36) {
		const uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;

		if (q < t)
			break;
		buf_chr(b, digits[t + (q - t) % (36 - t)]);
		q = (q - t) / (36 - t);
	}
	buf_chr(b, digits[q]);
}

/* Append the A-label of n characters.  Of 1,024 characters no sum here overflows. */
static void
put_label(struct buf *b, const uint32_t *p, size_t n)
{
	uint32_t next = 0x80, delta = 0, bias = 72, done = 0, basic;

	for (size_t i = 0; i < n; i++)
		done += p[i] < 0x80;
	if (done < n)
		buf_str(b, "xn--");
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x80)
			buf_chr(b, (char)p[i]);
	if (done && done < n)
		buf_chr(b, '-');
	for (basic = done; done < n; delta++, next++) {
		uint32_t least = UINT32_MAX;

		for (size_t i = 0; i < n; i++)
			if (p[i] >= next && p[i] < least)
				least = p[i];
		delta += (least - next) * (done + 1);
		next = least;
		for (size_t i = 0; i < n; i++) {
			delta += p[i] < next;
			if (p[i] != next)
				continue;
			put_number(b, delta, bias);
			bias = adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
	}
}

static bool
convert(struct slice domain, struct buf *b)
{
	struct points s;
	uint32_t c;

	s.n = 0;
	s.full = false;
	for (size_t n; domain.n; domain = slice_skip(domain, n)) {
		n = utf8_decode(domain, &c);
		if (n == 0)
			return false;
		map_point(&s, c);
	}
	order_marks(&s);
	compose(&s);
	for (size_t from = 0, i = 0; i <= s.n; i++) {
		if (i < s.n && s.p[i] != '.')
			continue;
		put_label(b, s.p + from, i - from);
		if (i < s.n)
			buf_chr(b, '.');
		from = i + 1;
	}
	return !s.full && !b->full;
}

static bool
is_literal(struct slice domain)
{
	return domain.n && domain.p[0] == '[';
}

/* IPv4 in IPv6 is that IPv4 address. */
static bool
convert_literal(struct slice domain, struct buf *b)
{
	struct sockaddr_storage ss;
	socklen_t len;

	if (!is_literal(domain) || !address_literal_parse(domain, &ss))
		return false;
	address_unmap(&ss, &len);
	buf_str(b, ss.ss_family == AF_INET6 ? "[ipv6:" : "[");
	address_text(b, (const struct sockaddr *)&ss);
	buf_chr(b, ']');
	return true;
}

struct slice
idn_canonical(struct slice domain, struct idn_name *space)
{
	/* cppcheck-suppress ctuuninitvar ; only the address of the text is taken */
	struct buf b = BUF(space->text);
	bool clean = true;

	if (domain.n > DOMAIN_MAX)
		return domain;
	if (convert_literal(domain, &b) || (!slice_is_ascii(domain) && convert(domain, &b)))
		return buf_slice(&b);
	for (size_t i = 0; i < domain.n; i++)
		clean = clean && ascii_lower(domain.p[i]) == domain.p[i];
	if (clean)
		return domain;
	b = (struct buf)BUF(space->text);
	for (size_t i = 0; i < domain.n; i++)
		buf_chr(&b, ascii_lower(domain.p[i]));
	return buf_slice(&b);
}

static void
put_point(struct buf *b, uint32_t c)
{
	if (c >= 0x10000)
		buf_chr(b, (char)(0xf0 | c >> 18));
	else if (c >= 0x800)
		buf_chr(b, (char)(0xe0 | c >> 12));
	else if (c >= 0x80)
		buf_chr(b, (char)(0xc0 | c >> 6));
	else
		buf_chr(b, (char)c);
	if (c >= 0x10000)
		buf_chr(b, (char)(0x80 | (c >> 12 & 63)));
	if (c >= 0x800)
		buf_chr(b, (char)(0x80 | (c >> 6 & 63)));
	if (c >= 0x80)
		buf_chr(b, (char)(0x80 | (c & 63)));
}

/* Read a number of Punycode off *in.  False if it is damaged or too great. */
static bool
take_number(struct slice *in, uint32_t bias, uint32_t *ret)
{
	uint64_t v = 0, weight = 1;

	for (uint32_t k = 36; in->n && v < 0x10000000; k += 36) {
		const uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
		const char c = ascii_lower(in->p[0]);
		const uint32_t digit = c >= 'a' && c <= 'z' ? (uint32_t)(c - 'a')
		    : c >= '0' && c <= '9' ? (uint32_t)(c - '0') + 26 : 36;

		*in = slice_skip(*in, 1);
		if (digit == 36 || weight > 0x10000000)
			return false;
		v += digit * weight;
		weight *= 36 - t;
		*ret = (uint32_t)v;
		if (digit < t)
			return v < 0x10000000;
	}
	return false;
}

/* Decode what follows the "xn--" of a label. */
static bool
decode_label(struct slice in, struct points *to)
{
	const char *dash = in.n ? memrchr(in.p, '-', in.n) : NULL;
	const size_t basic = dash ? (size_t)(dash - in.p) : 0;
	uint32_t c = 0x80, at = 0, bias = 72, delta;

	to->n = 0;
	to->full = false;
	for (size_t i = 0; i < basic; i++)
		add_point(to, (uint32_t)(unsigned char)ascii_lower(in.p[i]));
	in = slice_skip(in, dash ? basic + 1 : 0);
	for (bool first = true; in.n; first = false, at++) {
		if (!take_number(&in, bias, &delta) || to->n >= DOMAIN_MAX)
			return false;
		at += delta;
		c += at / (uint32_t)(to->n + 1);
		at %= (uint32_t)(to->n + 1);
		bias = adapt(delta, (uint32_t)to->n + 1, first);
		add_point(to, 0);
		for (size_t i = to->n - 1; i > at; i--)
			to->p[i] = to->p[i - 1];
		to->p[at] = c;
		if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
	}
	return true;
}

struct slice
idn_unicode(struct slice domain, struct idn_name *space)
{
	/* cppcheck-suppress ctuuninitvar ; only the address of the text is taken */
	struct buf b = BUF(space->text);
	struct slice rest = domain;
	struct points s;

	if (domain.n == 0 || domain.n > DOMAIN_MAX)
		return domain;
	for (bool more = true; more;) {
		const struct slice label = slice_cut(rest, '.', &rest);
		const bool coded = slice_has_iprefix(label, SL("xn--")) &&
		    decode_label(slice_skip(label, 4), &s);

		for (size_t i = 0; coded && i < s.n; i++)
			put_point(&b, s.p[i]);
		if (!coded)
			buf_add(&b, label);
		more = label.p + label.n < domain.p + domain.n;
		if (more)
			buf_chr(&b, '.');
	}
	/* An A-label of no U-label, or of another one, is only itself. */
	return b.full || !idn_same(buf_slice(&b), domain) ? domain : buf_slice(&b);
}

bool
idn_same(struct slice a, struct slice b)
{
	struct idn_name one, other;

	if (slice_ieq(a, b))
		return true;
	if (slice_is_ascii(a) && slice_is_ascii(b) && !(is_literal(a) && is_literal(b)))
		return false;
	return slice_ieq(idn_canonical(a, &one), idn_canonical(b, &other));
}

int
idn_compare(struct slice a, struct slice b)
{
	struct idn_name one, other;

	a = idn_canonical(a, &one);
	b = idn_canonical(b, &other);
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		const int order = (unsigned char)ascii_lower(a.p[i]) -
		    (unsigned char)ascii_lower(b.p[i]);

		if (order)
			return order;
	}
	return (a.n > b.n) - (a.n < b.n);
}

/* The octets up to the last @: a quoted local part may have others.  Without one, no octets. */
static size_t
local_octets(struct slice address)
{
	const char *at = address.n ? memrchr(address.p, '@', address.n) : NULL;

	return at ? (size_t)(at - address.p) + 1 : 0;
}

bool
idn_same_address(struct slice a, struct slice b)
{
	const size_t local = local_octets(a);

	if (slice_ieq(a, b))
		return true;
	return local && local == local_octets(b) &&
	    slice_ieq(slice_of(a.p, local), slice_of(b.p, local)) &&
	    idn_same(slice_skip(a, local), slice_skip(b, local));
}

uint64_t
idn_hash(uint64_t h, struct slice address)
{
	struct idn_name space;
	const size_t local = local_octets(address);

	h = hash_slice_any_case(h, slice_of(address.p, local));
	return hash_slice_any_case(h, idn_canonical(slice_skip(address, local), &space));
}
