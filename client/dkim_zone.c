// SPDX-License-Identifier: ISC
#include "client/dkim_zone.h"

#include "client/signer_key.h"
#include "dns/probe.h"
#include "message/dkim_record.h"

const char *
dkim_zone_type(const struct sign_key *key)
{
	return sign_key_kind(key) == SIGN_RSA ? "rsa" : "ed25519";
}

static const char *
find_fault(const struct dns_probe *p, const struct sign_key *key, struct slice public)
{
	if (p->n == 0)
		return "there is no such record";
	if (p->n > 1)
		return "there are several records: verifiers may take the wrong one";
	return dkim_record_fault(slice_str(p->texts[0]), dkim_zone_type(key), public);
}

enum dkim_zone
dkim_zone_check(const struct dns_resolver *resolver, const struct dkim_pair *pair, int timeout_ms,
    struct buf *name, struct buf *why)
{
	static struct dns_probe p;
	const struct sign_key *key = signer_key(pair->key, why);
	char space[DKIM_RECORD_MAX];
	struct buf public = BUF(space);
	const char *fault;

	buf_add(name, pair->selector);
	buf_str(name, "._domainkey.");
	buf_add(name, pair->domain);
	if (!key)
		return DKIM_ZONE_NO_KEY;
	if (!sign_key_public(key, &public)) {
		buf_str(why, "OpenSSL fails");
		return DKIM_ZONE_NO_KEY;
	}
	p = (struct dns_probe){
		.name = buf_cstr(name), .type = DNS_PROBE_TXT, .timeout_ms = timeout_ms,
	};
	dns_probe_any(resolver, &p);
	if (p.rcode < 0) {
		buf_str(why, "no DNS server replied");
		return DKIM_ZONE_SILENT;
	}
	fault = find_fault(&p, key, buf_slice(&public));
	buf_str(why, fault ? fault : "good");
	return fault ? DKIM_ZONE_FAULT : DKIM_ZONE_GOOD;
}
