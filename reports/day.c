// SPDX-License-Identifier: ISC
#include "reports/day.h"

#include <string.h>

#include "base/clock.h"
#include "base/name.h"

void
day_name(int64_t begin_s, char ret[DAY_NAME])
{
	char space[32] = "";
	struct buf b = BUF(space);

	clock_stamp(&b, begin_s);
	memcpy(ret, space, DAY_NAME - 1);
	ret[DAY_NAME - 1] = '\0';
}

const char *
day_submitter(const struct config *c)
{
	const struct slice name = slice_str(c->server.hostname);

	return name.n && name_is_fqdn(name) ? c->server.hostname :
	    strchr(c->reports.contact, '@') + 1;
}
