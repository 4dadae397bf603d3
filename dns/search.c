// SPDX-License-Identifier: ISC
/*
 * A name with a dot and at least ndots dots is complete and asked for only as it is.  libc would
 * also try it in each domain of the search list: with a wildcard there, mail for a smarthost whose
 * name has gone would reach another host.
 */
#include "dns/search.h"

#include "dns/name.h"

static unsigned
count_dots(const char *host)
{
	unsigned n = 0;

	for (; *host; host++)
		n += *host == '.';
	return n;
}

bool
search_name(const struct dns_resolver *r, const char *host, size_t i, char ret[DNS_NAME_MAX])
{
	char text[2 * DNS_NAME_MAX];
	struct buf b = BUF(text);
	const unsigned dots = count_dots(host);
	const bool enough = dots >= r->ndots;
	size_t at = enough ? 0 : r->nsearch;	/* the step that asks for the name as it is */

	if (i > r->nsearch || (i > 0 && enough && dots > 0))
		return false;
	buf_str(&b, host);
	if (i != at) {
		buf_chr(&b, '.');
		buf_str(&b, r->search[enough ? i - 1 : i]);
	}
	if (!dns_name_from_text(buf_slice(&b), ret))
		ret[0] = '\0';
	return true;
}
