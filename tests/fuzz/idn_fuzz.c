// SPDX-License-Identifier: ISC
/* Domains of strangers: the canonical form is stable, and U-labels are the same domain. */
#include "base/idn.h"

#include "base/hash.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice domain = slice_of((const char *)data, size);
	struct idn_name one, other;
	struct slice canonical = idn_canonical(domain, &one);

	must(idn_same(domain, canonical) && idn_compare(domain, canonical) == 0);
	must(idn_same(idn_unicode(domain, &other), domain));
	must(idn_same_address(domain, domain));
	if (size && !memchr(data, '@', size))
		must(slice_eq(idn_canonical(canonical, &other), canonical) &&
		    (canonical.n > 256 || idn_hash(HASH_START, domain) ==
			idn_hash(HASH_START, canonical)));
	return 0;
}
