// SPDX-License-Identifier: ISC
#include "config/specifier.h"

#include <limits.h>
#include <unistd.h>

#include "config/refuse.h"

/* Is it the name of one folder, and no hidden one?  The lease of a queue has it in a line. */
static bool
is_folder(struct slice host)
{
	return host.n && host.p[0] != '.' && !memchr(host.p, '/', host.n) &&
	    !slice_has_control(host);
}

int
specifier_expand(struct slice path, struct slice host, struct buf *ret, struct buf *why)
{
	while (path.n) {
		const char *percent = memchr(path.p, '%', path.n);
		const size_t n = percent ? (size_t)(percent - path.p) : path.n;
		const char kind = n + 1 < path.n ? path.p[n + 1] : '\0';

		buf_add(ret, slice_of(path.p, n));
		if (!percent)
			break;
		if (kind != 'H' && kind != '%')
			return refuse(why, "write %H for the name of this machine, and %% for %");
		if (kind == 'H' && !is_folder(host))
			return refuse(why,
			    "%H: this machine has no name for a folder; see hostnamectl(1)");
		buf_add(ret, kind == 'H' ? host : SL("%"));
		path = slice_skip(path, n + 2);
	}
	return ret->full ? refuse(why, "write a shorter path") : 0;
}

int
specifier_expand_here(struct slice path, struct buf *ret, struct buf *why)
{
	char name[HOST_NAME_MAX + 1] = "";

	(void)gethostname(name, sizeof name);
	return specifier_expand(path, slice_str(name), ret, why);
}
