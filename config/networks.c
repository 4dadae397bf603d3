// SPDX-License-Identifier: ISC
/*
 * Parses lists of networks and addresses.
 */
#include "config/networks.h"

#include "base/words.h"
#include "config/pool.h"
#include "config/refuse.h"

int
networks_parse(struct slice value, struct network_list *ret, struct buf *why)
{
	struct cidr *list = NULL, *more, net;
	struct slice word;
	size_t n = 0;
	bool local = false;

	while ((word = words_next(&value)).n) {
		if (slice_eq(word, SL("local"))) {
			local = true;
			continue;
		}
		if (!cidr_parse(word, &net)) {
			pool_free(list);
			return refuse_word(why, word,
			    " is neither a network, like 192.0.2.0/24 or 2001:db8::/32, "
			    "nor the word local");
		}
		more = pool_realloc(list, (n + 1) * sizeof *list);
		if (!more) {
			pool_free(list);
			return -ENOMEM;
		}
		list = more;
		list[n++] = net;
	}
	*ret = (struct network_list){ list, n, local };
	return 0;
}

int
networks_addresses(struct slice value, bool resolver, struct address_list *ret, struct buf *why)
{
	struct address_list a = { 0 };
	struct sockaddr_storage ss, *more;
	struct slice word;
	socklen_t len;

	if (resolver && slice_eq(value, SL("system")))
		value.n = 0;
	else if (resolver && value.n == 0)
		return refuse_word(why, value, "write system, or addresses");
	while ((word = words_next(&value)).n) {
		/* A resolver has a port, a source has none. */
		if (!address_parse(word, resolver ? 53 : 0, &ss, &len) ||
		    (address_port((struct sockaddr *)&ss) != 0) != resolver) {
			pool_free(a.list);
			return refuse_word(why, word, resolver
			    ? " is not an address like 192.0.2.53, 192.0.2.53@5353 or 2001:db8::53"
			    : " is not an address like 192.0.2.1 or 2001:db8::1");
		}
		more = pool_realloc(a.list, (a.n + 1) * sizeof *a.list);
		if (!more) {
			pool_free(a.list);
			return -ENOMEM;
		}
		a.list = more;
		a.list[a.n++] = ss;
	}
	*ret = a;
	return 0;
}
