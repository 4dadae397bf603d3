// SPDX-License-Identifier: ISC
/*
 * The root has no such names, and proves it.  So a validator calls bogus what a resolver of this
 * network answers for them.
 */
#include "dns/unvalidated.h"

#include "base/slice.h"

static bool
is_below(struct slice name, struct slice zone)
{
	struct slice end;

	if (zone.n == 0 || name.n < zone.n)
		return false;
	end = slice_skip(name, name.n - zone.n);
	return slice_ieq(end, zone) && (end.p == name.p || end.p[-1] == '.');
}

bool
dns_is_private(const char *name, const char *more)
{
	static const char always[] = "test invalid localhost onion local home.arpa internal "
	    "intranet private corp home lan localdomain";
	const char *lists[] = { always, more };

	if (!strchr(name, '.'))
		return true;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct slice rest = lists[i] ? slice_str(lists[i]) : SL("");

		while (rest.n)
			if (is_below(slice_str(name), slice_cut(rest, ' ', &rest)))
				return true;
	}
	return false;
}
