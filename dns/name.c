// SPDX-License-Identifier: ISC
/*
 * Domain names, from text, from the wire, and from UTF-8.  Only this file knows libidn2.
 *
 * A name here is one that the DNS can hold: a label may begin or end with a hyphen.  base/name.c
 * judges names of the configuration, smtp/domain.c names that clients send.
 */
#include "dns/name.h"

#include <idn2.h>

#define LABEL_MAX 63
/* 255 octets on the wire leave this much text, without the last dot. */
#define TEXT_MAX  253
/* No valid name is longer.  A label has at most 63 octets as an A-label, fewer characters in UTF-8,
 * and a character at most four octets. */
#define DOMAIN_MAX 1024

static bool
name_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool
dns_name_from_text(struct slice text, char ret[DNS_NAME_MAX])
{
	char name[DNS_NAME_MAX];
	size_t label = 0;

	if (text.n > 1 && text.p[text.n - 1] == '.')
		text.n--;
	if (text.n == 0 || text.n > TEXT_MAX)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = ascii_lower(text.p[i]);

		if (c == '.' ? label == 0 : !name_octet(c) || label == LABEL_MAX)
			return false;
		label = c == '.' ? 0 : label + 1;
		name[i] = c;
	}
	if (label == 0)
		return false;
	memcpy(ret, name, text.n);
	ret[text.n] = '\0';
	return true;
}

bool
dns_name_from_wire(const uint8_t *wire, size_t n, char ret[DNS_NAME_MAX])
{
	char name[DNS_NAME_MAX];
	size_t at = 0, out = 0;

	while (at < n && wire[at]) {
		size_t label = wire[at++];

		if (label > LABEL_MAX || label >= n - at || out + (out > 0) + label > TEXT_MAX)
			return false;
		if (out)
			name[out++] = '.';
		while (label--) {
			char c = ascii_lower((char)wire[at++]);

			if (!name_octet(c))
				return false;
			name[out++] = c;
		}
	}
	if (at >= n)
		return false;
	name[out] = '\0';
	memcpy(ret, name, out + 1);
	return true;
}

bool
dns_name_same(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
	/* A label's length is less than 'A', so all octets can be folded alike. */
	return slice_ieq(slice_of((const char *)a, na), slice_of((const char *)b, nb));
}

bool
dns_name_from_domain(struct slice domain, char ret[DNS_NAME_MAX])
{
	char text[DOMAIN_MAX + 1], *ascii = NULL;
	bool good;

	if (slice_is_ascii(domain))
		return dns_name_from_text(domain, ret);
	if (domain.n > DOMAIN_MAX || memchr(domain.p, '\0', domain.n))
		return false;
	memcpy(text, domain.p, domain.n);
	text[domain.n] = '\0';
	good = idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK &&
	    dns_name_from_text(slice_str(ascii), ret);
	if (ascii)
		idn2_free(ascii);
	return good;
}
