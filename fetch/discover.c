// SPDX-License-Identifier: ISC
/*
 * The addresses are asked for together with the record.
 */
#include "fetch/discover.h"

#include "base/clock.h"
#include "fetch/addresses.h"
#include "fetch/https.h"

/* The questions of one domain. */
struct questions {
	char record[DNS_NAME_MAX], host[DNS_NAME_MAX];
	struct dns_question q[3];	/* TXT, AAAA, A */
};

static bool
name(char ret[DNS_NAME_MAX], const char *prefix, struct slice domain)
{
	return snprintf(ret, DNS_NAME_MAX, "%s.%.*s", prefix, (int)domain.n, domain.p) <
	    DNS_NAME_MAX;
}

static void
ask(const struct dns_resolver *resolver, struct questions *all)
{
	static const enum dns_type types[] = { DNS_TXT, DNS_AAAA, DNS_A };

	for (size_t i = 0; i < 3; i++)
		all->q[i] = (struct dns_question){
			.name = i == 0 ? all->record : all->host, .type = types[i],
		};
	dns_ask(resolver, all->q, 3);
}

/* The rest of a record that is found. */
static bool
get(const struct config *c, const struct questions *all, int timeout_ms, struct buf *text,
    struct sts_record *ret, struct buf *why)
{
	struct sockaddr_storage addresses[ADDRESSES_MAX];
	const struct https_request request = {
		.host = all->host, .path = "/.well-known/mta-sts.txt", .addresses = addresses,
		.naddresses = addresses_collect(c, all->host, all->q + 1, 2, addresses, why),
		.authorities = c->relay.tls_ca_file, .type = "text/plain",
		.timeout_ms = timeout_ms,
	};
	const size_t at = text->n;
	enum https_result result = HTTPS_FAILED;

	if (request.naddresses)
		result = https_get(&request, text, why);
	if (result == HTTPS_UNTRUSTED)
		ret->failure = STS_FAILURE_CERTIFICATE;
	if (result != HTTPS_DONE)
		return false;
	buf_fmt(why, "https://%s sent no policy: ", all->host);
	if (!sts_parse(slice_of(text->p + at, text->n - at), &ret->policy, why)) {
		ret->failure = STS_FAILURE_POLICY;
		return false;
	}
	why->n = 0;
	return true;
}

enum discover_result
discover_policy(const struct config *c, const struct dns_resolver *resolver, struct slice domain,
    bool known, int timeout_ms, struct buf *text, struct sts_record *ret, struct buf *why)
{
	enum discover_result result = DISCOVER_FAILED;
	struct questions all;
	const struct dns_question *record = &all.q[0];
	struct slice id;

	*ret = (struct sts_record){ .id = SL("") };
	if (!name(all.record, "_mta-sts", domain) || !name(all.host, "mta-sts", domain))
		return DISCOVER_NONE;
	ask(resolver, &all);
	id = sts_announced(record->records, record->nrecords);
	if (id.n || known) {
		buf_add(text, id);
		ret->id = slice_of(text->p, id.n);
		ret->fetched_s = clock_wall_s();
		ret->has_policy = get(c, &all, timeout_ms, text, ret, why);
		ret->expires_s = ret->fetched_s + ret->policy.max_age_s;
		result = ret->has_policy ? DISCOVER_FOUND : DISCOVER_FAILED;
	} else if (record->status == DNS_SERVFAIL || record->status == DNS_TIMEOUT) {
		buf_fmt(why, "TXT %s: %s", all.record, dns_question_text(record));
		result = DISCOVER_UNKNOWN;
	} else {
		result = DISCOVER_NONE;
	}
	for (size_t i = 0; i < 3; i++)
		dns_question_done(&all.q[i]);
	return result;
}
