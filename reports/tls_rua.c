// SPDX-License-Identifier: ISC
/*
 * A stranger writes the record.  An URL has the default port only, so that a report cannot be a
 * message to another kind of server.
 */
#include "reports/tls_rua.h"

#include <stdio.h>
#include <string.h>

#include "auth/tags.h"
#include "base/name.h"

bool
tls_rua_is_record(struct slice text)
{
	const struct slice version = SL("v=TLSRPTv1");

	if (text.n < version.n || memcmp(text.p, version.p, version.n) != 0)
		return false;
	text = slice_trim(slice_skip(text, version.n));
	return text.n && text.p[0] == ';';
}

/* Octets of an URI (RFC 3986 section 2), without a fragment. */
static bool
is_uri(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char c = ascii_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    (c == '\0' || !strchr("-._~:/?@!$&'()*+,;=%", c)))
			return false;
	}
	return true;
}

/* "https://host/path" */
static bool
read_url(struct slice place, char url[TLS_RUA_URL_MAX])
{
	const struct slice scheme = SL("https://");
	struct slice host, port, path;
	struct buf b = { .p = url, .cap = TLS_RUA_URL_MAX };

	if (!slice_has_iprefix(place, scheme) || !is_uri(place))
		return false;
	place = slice_skip(place, scheme.n);
	host = slice_of(place.p, 0);
	while (host.n < place.n && place.p[host.n] != '/' && place.p[host.n] != '?')
		host.n++;
	path = slice_skip(place, host.n);
	host = slice_cut(host, ':', &port);
	if (!name_is_fqdn(host) || (port.n && !slice_eq(port, SL("443"))))
		return false;
	buf_add(&b, scheme);
	for (size_t i = 0; i < host.n; i++)
		buf_chr(&b, ascii_lower(host.p[i]));
	buf_str(&b, path.n && path.p[0] == '/' ? "" : "/");
	buf_add(&b, path);
	(void)buf_cstr(&b);
	return !b.full && b.n < b.cap;
}

/* Is the place one of those before it?  It would get the same report again. */
static bool
is_named(const struct tls_rua *p, const struct tls_rua_place *to)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct tls_rua_place *old = &p->list[i];

		if (to->url[0] ? strcmp(old->url, to->url) == 0 : !old->url[0] &&
		    slice_ieq(slice_str(old->mail.address), slice_str(to->mail.address)))
			return true;
	}
	return false;
}

void
tls_rua_read(struct slice record, struct tls_rua *ret)
{
	struct slice list = tags_find(record, SL("rua")), place;

	ret->n = 0;
	while (ret->n < TLS_RUA_MAX && tags_word(&list, ',', &place)) {
		struct tls_rua_place *to = &ret->list[ret->n];

		to->url[0] = '\0';
		if (!read_url(place, to->url)) {
			to->url[0] = '\0';
			if (!rua_next(&place, &to->mail))
				continue;
		}
		if (!is_named(ret, to))
			ret->n++;
	}
}

/* The same resolver, whose questions end in that time. */
static struct dns_resolver
within(const struct dns_resolver *r, int timeout_ms)
{
	const int each_ms = timeout_ms / (r->attempts * (int)r->nservers);
	struct dns_resolver ret = *r;

	if (ret.timeout_ms > each_ms)
		ret.timeout_ms = each_ms;
	return ret;
}

bool
tls_rua_find(const struct dns_resolver *r, const char *domain, int timeout_ms, struct tls_rua *ret)
{
	const struct dns_resolver quick = within(r, timeout_ms);
	char name[DNS_NAME_MAX];
	struct dns_question q = { .name = name, .type = DNS_TXT };
	struct slice record = SL("");
	size_t n = 0;
	bool answered;

	ret->n = 0;
	if (snprintf(name, sizeof name, "_smtp._tls.%s", domain) >= (int)sizeof name)
		return true;
	dns_ask(&quick, &q, 1);
	for (size_t i = 0; i < q.nrecords; i++) {
		const struct slice text = slice_str(q.records[i].text);

		if (!tls_rua_is_record(text))
			continue;
		record = text;
		n++;
	}
	if (n == 1)
		tls_rua_read(record, ret);
	answered = q.status == DNS_OK || q.status == DNS_NODATA || q.status == DNS_NXDOMAIN;
	dns_question_done(&q);
	return answered;
}
