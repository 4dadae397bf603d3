// SPDX-License-Identifier: ISC
/*
 * From the hosts that a route names to a list of exchangers.  A host that is not found takes a
 * place in the list all the same, so that its mail waits and the log has the reason.
 */
#include "dns/named.h"

#include "dns/etc_hosts.h"
#include "dns/exchanger.h"
#include "dns/name.h"
#include "dns/search.h"

static bool
is_service(const char *name)
{
	return name[0] == '_';
}

/* A step that may succeed later ends the search: a later domain could have another host of this
 * name. */
static void
search_host(const struct dns_resolver *r, struct mx_exchanger *e, enum address_family family)
{
	char configured[DNS_NAME_MAX];

	memcpy(configured, e->name, sizeof configured);
	for (size_t i = 0; search_name(r, configured, i, e->name); i++) {
		enum dns_status before = e->status;

		if (!e->name[0])
			continue;
		exchangers_look_up(r, e, 1, family);
		if (e->naddresses || e->status == DNS_TIMEOUT || e->status == DNS_SERVFAIL)
			break;
		if (i > 0)
			e->status = exchanger_worst_status(before, e->status);
	}
	memcpy(e->name, configured, sizeof e->name);
}

static void
set_why(struct mx_exchanger *e, enum dns_status status, const char *why)
{
	e->status = status;
	(void)snprintf(e->why, sizeof e->why, "%s", why);
}

/* A host by its address, by /etc/hosts, or by the DNS.  Returns whether the DNS was asked. */
static bool
add_host(const struct dns_resolver *r, const struct named_host *host, enum address_family family,
    struct mx_list *l)
{
	struct sockaddr_storage known[MX_ADDRESSES_MAX];
	char name[DNS_NAME_MAX];
	struct mx_exchanger *e;
	socklen_t len;
	size_t n = 1;

	if (address_parse(slice_str(host->name), host->port, &known[0], &len)) {
		e = mx_add(l, host->name, host->port);
		set_why(e, DNS_NODATA, "not an address that may be connected to");
	} else if (dns_name_from_text(slice_str(host->name), name)) {
		e = mx_add(l, name, host->port);
		n = r->hosts.p ? etc_hosts_find(r->hosts, name, known, MX_ADDRESSES_MAX)
			       : etc_hosts_look_up(ETC_HOSTS_FILE, name, known, MX_ADDRESSES_MAX);
	} else {
		e = mx_add(l, host->name, host->port);
		set_why(e, DNS_BAD_NAME, "not a host name");
		n = 0;
	}
	e->implicit = true;
	e->weight = 1;
	for (size_t i = 0; i < n; i++)
		exchanger_add_address(e, &known[i], family);
	if (e->naddresses)
		e->status = DNS_OK;
	if (e->naddresses || e->why[0])
		return false;
	search_host(r, e, family);
	return true;
}

/* The hosts of SRV records.  They are as proven as the records. */
static void
add_service(const struct dns_resolver *r, const char *name, enum address_family family,
    struct mx_list *l)
{
	struct dns_question q = { .name = name, .type = DNS_SRV };
	const size_t first = l->n;
	size_t n;

	dns_ask(r, &q, 1);
	if (q.ttl_s < l->ttl_s)
		l->ttl_s = q.ttl_s;
	n = mx_sort(q.records, q.nrecords);
	for (size_t i = 0; i < n && l->n < MX_EXCHANGERS_MAX; i++) {
		const struct dns_record *record = &q.records[i];
		struct mx_exchanger *e;

		if (record->target[0] == '\0' || record->port == 0)
			continue;
		e = mx_add(l, record->target, record->port);
		e->preference = record->preference;
		e->weight = record->weight;
	}
	if (q.status == DNS_OK && q.trust < l->trust)
		l->trust = q.trust;
	if (l->n == first && first < MX_EXCHANGERS_MAX)
		set_why(mx_add(l, name, 0), q.status == DNS_OK ? DNS_NODATA : q.status,
		    q.status == DNS_OK ? "the service is not offered there"
				       : dns_question_text(&q));
	else
		exchangers_look_up(r, l->exchangers + first, l->n - first, family);
	dns_question_done(&q);
}

/* Each exchanger before those of a worse preference. */
static void
sort(struct mx_list *l)
{
	for (size_t i = 1; i < l->n; i++)
		for (size_t k = i; k && l->exchangers[k].preference <
		    l->exchangers[k - 1].preference; k--) {
			const struct mx_exchanger swap = l->exchangers[k];

			l->exchangers[k] = l->exchangers[k - 1];
			l->exchangers[k - 1] = swap;
		}
}

/* The names as they were written, for people. */
static struct slice
join_names(const struct named_host *hosts, size_t n, struct buf *b)
{
	for (size_t i = 0; i < n; i++)
		buf_fmt(b, "%s%s", i ? " " : "", hosts[i].name);
	return buf_slice(b);
}

void
named_look_up(const struct dns_resolver *r, const struct named_host *hosts, size_t n,
    enum named_order order, enum address_family family, struct mx_list *ret)
{
	char space[DNS_NAME_MAX];
	struct buf b = BUF(space);
	const struct slice names = join_names(hosts, n, &b);
	bool services = false;

	*ret = (struct mx_list){ .ttl_s = UINT32_MAX };
	for (size_t i = 0; i < n; i++)
		services |= is_service(hosts[i].name);
	if (!mx_new_exchangers(ret, services ? MX_EXCHANGERS_MAX : n, names))
		return;
	ret->trust = services ? DNS_SECURE : DNS_UNCHECKED;
	ret->spread = services || order == NAMED_BALANCED;
	for (size_t i = 0; i < n; i++) {
		const size_t first = ret->n;

		if (is_service(hosts[i].name))
			add_service(r, hosts[i].name, family, ret);
		/* The operator has named it, which proves nothing about SRV records beside it. */
		else if (ret->n < MX_EXCHANGERS_MAX && add_host(r, &hosts[i], family, ret) &&
		    !services)
			ret->trust = DNS_SECURE;
		for (size_t k = first; order == NAMED_LISTED && k < ret->n; k++)
			ret->exchangers[k].preference += (unsigned)i << 16;
	}
	sort(ret);
	mx_set_verdict(ret, names);
	if (ret->status != MX_NO_HOST || ret->n != 1)
		return;
	if (ret->exchangers[0].status == DNS_NXDOMAIN)
		ret->status = MX_NXDOMAIN;
	if (ret->exchangers[0].status == DNS_BAD_NAME)
		ret->status = MX_BAD_NAME;
}
