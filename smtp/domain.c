// SPDX-License-Identifier: ISC
/*
 * Domains and address literals.  Only the form is judged: no DNS, and no look at the host behind
 * an address (RFC 5321 sections 4.1.2 and 4.1.3).
 *
 * A name here is a name that a client sends: U-labels are valid, and so is a number as the last
 * label.  base/name.c judges names of the configuration, dns/name.c names that are asked for.
 */
#include "smtp/domain.h"

#include "base/utf8.h"
#include "smtp/address.h"

#define LABEL_MAX 63		/* RFC 1035 section 2.3.4 */

static bool
is_alnum(char c)
{
	return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9');
}

static size_t
digits(struct slice s, bool hex)
{
	size_t n = 0;

	while (n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') ||
	    (hex && ascii_lower(s.p[n]) >= 'a' && ascii_lower(s.p[n]) <= 'f')))
		n++;
	return n;
}

static bool
ipv4_valid(struct slice s)
{
	uint64_t octet;

	for (unsigned i = 0; i < 4; i++) {
		size_t n = digits(s, false);

		if (n > 3 || !slice_uint(slice_of(s.p, n), 255, &octet))
			return false;
		s = slice_skip(s, n);
		if (i == 3)
			break;
		if (s.n == 0 || s.p[0] != '.')
			return false;
		s = slice_skip(s, 1);
	}
	return s.n == 0;
}

static bool
ipv6_valid(struct slice s)
{
	unsigned groups = 0;
	bool gap = false;

	if (slice_has_prefix(s, SL("::"))) {
		gap = true;
		s = slice_skip(s, 2);
	}
	while (s.n) {
		size_t n = digits(s, true);

		if (n < s.n && s.p[n] == '.')	/* the last 32 bits in dotted form */
			return ipv4_valid(s) && (gap ? groups < 6 : groups == 6);
		if (n == 0 || n > 4 || ++groups > 8)
			return false;
		s = slice_skip(s, n);
		if (s.n == 0)
			break;
		if (s.p[0] != ':' || s.n == 1)
			return false;
		s = slice_skip(s, 1);
		if (s.p[0] != ':')
			continue;
		if (gap)
			return false;
		gap = true;
		s = slice_skip(s, 1);
	}
	return gap ? groups < 8 : groups == 8;
}

bool
smtp_address_literal_valid(struct slice literal)
{
	struct slice inner;

	if (literal.n < 2 || literal.p[0] != '[' || literal.p[literal.n - 1] != ']')
		return false;
	inner = slice_of(literal.p + 1, literal.n - 2);
	if (slice_has_iprefix(inner, SL("IPv6:")))
		return ipv6_valid(slice_skip(inner, 5));
	return ipv4_valid(inner);	/* no other tag is registered (RFC 5321 section 4.1.3) */
}

size_t
smtp_domain_run(struct slice in)
{
	size_t n = 0;

	while (n < in.n && in.p[n] != '\0' &&
	    (is_alnum(in.p[n]) || strchr("-_.", in.p[n]) || (unsigned char)in.p[n] > 127))
		n++;
	return n;
}

static bool
label_valid(struct slice label, bool underscore)
{
	bool ascii = true;

	for (size_t i = 0; i < label.n; i++) {
		char c = label.p[i];

		ascii = ascii && (unsigned char)c < 128;
		if (!is_alnum(c) && c != '-' && !(c == '_' && underscore) && (unsigned char)c < 128)
			return false;
	}
	/* A U-label may be longer than the A-label it stands for. */
	return label.n > 0 && (label.n <= LABEL_MAX || !ascii) && label.p[0] != '-' &&
	    label.p[label.n - 1] != '-';
}

bool
smtp_labels_valid(struct slice domain, bool underscore)
{
	if (domain.n == 0 || domain.p[domain.n - 1] == '.')
		return false;
	while (domain.n)
		if (!label_valid(slice_cut(domain, '.', &domain), underscore))
			return false;
	return true;
}

bool
smtp_domain_valid(struct slice domain, bool strict)
{
	if (strict)
		return slice_is_ascii(domain) && domain.n <= SMTP_DOMAIN_MAX &&
		       (smtp_address_literal_valid(domain) || smtp_labels_valid(domain, false));
	for (struct slice s = domain; s.n; s = slice_skip(s, utf8_printable(s)))
		if (s.p[0] == ' ' || utf8_printable(s) == 0)
			return false;
	return domain.n > 0;
}
