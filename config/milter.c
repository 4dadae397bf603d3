// SPDX-License-Identifier: ISC
/*
 * Hosts are addresses: a session must not wait for a resolver.
 */
#include "config/milter.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#define HELP ": write unix:/PATH, inet:ADDRESS:PORT or exec:/PROGRAM, with commas between them"

static int
parse_inet(struct slice text, struct milter_place *ret, const char **ret_why)
{
	const char *colon = text.n ? memrchr(text.p, ':', text.n) : NULL;
	struct slice host, port;
	uint64_t number;

	*ret_why = ": write inet:ADDRESS:PORT, like inet:127.0.0.1:8891 or inet:[::1]:8891";
	if (!colon)
		return -EINVAL;
	host = slice_of(text.p, (size_t)(colon - text.p));
	port = slice_skip(text, host.n + 1);
	if (slice_eq(host, SL("localhost")))
		host = SL("127.0.0.1");
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_of(host.p + 1, host.n - 2);
	if (!slice_uint(port, 65535, &number) || number == 0 ||
	    !address_parse(host, (uint16_t)number, &ret->address, &ret->address_len))
		return -EINVAL;
	return 1;
}

int
milter_place_next(struct slice *rest, struct milter_place *ret, const char **ret_why)
{
	struct slice text = SL("");

	while (text.n == 0 && rest->n)
		text = slice_trim(slice_cut(*rest, ',', rest));
	if (text.n == 0)
		return 0;
	*ret = (struct milter_place){ .text = text };
	*ret_why = HELP;
	if (slice_has_prefix(text, SL("inet:"))) {
		ret->where = MILTER_INET;
		return parse_inet(slice_skip(text, 5), ret, ret_why);
	}
	ret->target = slice_skip(text, 5);
	ret->where = slice_has_prefix(text, SL("unix:")) ? MILTER_UNIX : MILTER_EXEC;
	if (ret->where == MILTER_EXEC && !slice_has_prefix(text, SL("exec:")))
		return -EINVAL;
	if (ret->target.n == 0 || ret->target.p[0] != '/')
		return -EINVAL;
	if (ret->where == MILTER_UNIX &&
	    ret->target.n >= sizeof ((struct sockaddr_un *)0)->sun_path) {
		*ret_why = ": the path is longer than that of a socket can be";
		return -EINVAL;
	}
	return 1;
}

bool
milter_place_has(const char *value, enum milter_where where)
{
	struct slice rest = value ? slice_str(value) : SL("");
	struct milter_place place;
	const char *why;

	while (milter_place_next(&rest, &place, &why) > 0)
		if (place.where == where)
			return true;
	return false;
}
