// SPDX-License-Identifier: ISC
/*
 * The one place that knows libidn2.  Called by dns/mx.
 */
#include "dns/idn.h"

#include <idn2.h>

#include "dns/name.h"

/* More is no name in any script: four octets a character, and a label of 63 is shorter in UTF-8. */
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
