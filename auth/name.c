// SPDX-License-Identifier: ISC
/*
 * A label may hold any printable octet: the DNS allows it (RFC 2181 section 11).
 */
#include "auth/name.h"

bool
auth_name_valid(struct slice name)
{
	struct slice rest = name;

	if (name.n == 0 || name.n > AUTH_NAME_MAX || name.p[name.n - 1] == '.')
		return false;
	while (rest.n) {
		const struct slice label = slice_cut(rest, '.', &rest);

		if (label.n == 0 || label.n > 63)
			return false;
		for (size_t i = 0; i < label.n; i++)
			if ((unsigned char)label.p[i] < ' ' || label.p[i] == 0x7f)
				return false;
	}
	return true;
}

bool
auth_name_beneath(struct slice name, struct slice domain)
{
	return slice_ieq(name, domain) || (name.n > domain.n &&
	    name.p[name.n - domain.n - 1] == '.' &&
	    slice_ieq(slice_skip(name, name.n - domain.n), domain));
}
