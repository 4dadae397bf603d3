// SPDX-License-Identifier: ISC
/*
 * What TLS a destination demands: from the message, the route and the configuration, and from what is remembered of a
 * host.  Pure.  Called by delivery/walk and runner/explain; must not know how TLS is done (delivery/greet).
 */
#include "delivery/terms.h"

struct link_terms
terms_of(const struct config *c, const struct route *r, bool requiretls)
{
	struct link_terms t = { .tls = c->relay.tls, .source = "[relay] tls", .authorities = c->relay.tls_ca_file };

	if (r->via == VIA_LMTP) {	/* within one's own walls, and the end of the way: RFC 8689 asks nothing of it */
		t.tls = RELAY_TLS_NONE;
		t.source = "LMTP";
		return t;
	}
	t.remedy = "set tls = may to take any certificate, or name its authority in tls-ca-file";
	/* RFC 8689 section 4.2.1 wants the exchanger's name itself to be beyond doubt, which takes DNSSEC or MTA-STS; its
	 * certificate has to do. */
	if (requiretls && t.tls != RELAY_TLS_REQUIRE) {
		t.tls = RELAY_TLS_REQUIRE;
		t.by_message = true;
		t.source = "REQUIRETLS";
		t.remedy = "the sender of the message has demanded it";
	}
	return t;
}

void
terms_of_host(struct link_terms *t, const struct hosts *hosts, const char *name, const char *address, int64_t now_s)
{
	const struct host *host = hosts_find(hosts, address);

	t->name = name;
	t->downgraded = t->tls == RELAY_TLS_MAY && host && host->tls_failed_s && now_s - host->tls_failed_s < TERMS_FORGET_S;
	if (t->downgraded)
		t->tls = RELAY_TLS_NONE;
}

bool
terms_requiretls(const struct queue_entry *e)
{
	struct slice params = e->from_params;

	while (e->from.n && params.n)
		if (slice_ieq(slice_cut(params, ' ', &params), SL("REQUIRETLS")))
			return true;
	return false;
}
