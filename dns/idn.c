// SPDX-License-Identifier: ISC
/*
 * Conversion of internationalized names.  Only this file knows libidn2.
 */
#include "dns/idn.h"

#include <idn2.h>

#include "dns/name.h"

/* No valid name is longer.  A label has at most 63 octets as an A-label, fewer characters in UTF-8,
 * and a character at most four octets. */
#define DOMAIN_MAX 1024

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
