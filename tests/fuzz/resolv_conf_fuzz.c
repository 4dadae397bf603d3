// SPDX-License-Identifier: ISC
/* resolv.conf(5) and hosts(5): files that tools and people write. */
#include <stdlib.h>

#include "dns/etc_hosts.h"
#include "dns/resolv_conf.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_resolver r = { .timeout_ms = 5000, .attempts = 2 };
	struct sockaddr_storage found[4];
	struct slice text = slice_of((const char *)data, size);

	resolv_conf_parse(&r, text);
	if (r.nservers > DNS_SERVERS_MAX || r.timeout_ms < 1000 || r.timeout_ms > 30000 ||
	    r.attempts < 1 || r.attempts > 5)
		abort();
	for (size_t i = 0; i < r.nservers; i++)
		if (r.servers[i].ss_family != AF_INET && r.servers[i].ss_family != AF_INET6)
			abort();
	if (etc_hosts_find(text, "a", found, 4) > 4)
		abort();
	return 0;
}
