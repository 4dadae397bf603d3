// SPDX-License-Identifier: ISC
/*
 * What may stand behind `via`.  Text in, slices of it out.  Called by route.c.
 */
#include "config/way.h"

#include <sys/un.h>

#include "base/cidr.h"
#include "base/name.h"
#include "config/refuse.h"
#include "config/route.h"

/* HOST[:PORT] or [IPV6][:PORT]; the host without brackets, the port only where there is one. */
static int
parse_host(struct slice text, struct slice *ret_host, uint16_t *ret_port, struct buf *why)
{
	struct sockaddr_storage ss;
	socklen_t len;
	struct slice port_text, host;
	uint64_t port = 0;

	if (memchr(text.p, '@', text.n))
		return refuse(why, "the user goes into a line of its own: user = NAME");
	if (text.n && text.p[0] == '[') {
		host = slice_cut(slice_skip(text, 1), ']', &port_text);
		if (!address_parse(host, 0, &ss, &len) || ss.ss_family != AF_INET6 ||
		    (port_text.n && port_text.p[0] != ':') || host.n + 1 == text.n)
			return refuse(why, "between brackets goes an IPv6 address: smtp://[2001:db8::1]:25");
		port_text = slice_skip(port_text, 1);
		if (port_text.n == 0 && text.p[text.n - 1] == ':')
			return refuse(why, "there is no port behind the colon");
	} else {
		host = slice_cut(text, ':', &port_text);
		if (port_text.n == 0 && host.n != text.n)
			return refuse(why, "there is no port behind the colon");
		if (memchr(port_text.p, ':', port_text.n))
			return refuse(why, "an IPv6 address goes between brackets: smtp://[2001:db8::1]:25");
		if (!name_is_domain(host) && !address_parse(host, 0, &ss, &len))
			return refuse(why, "write smtp://HOST or smtp://HOST:PORT, HOST a name or an address");
	}
	if (port_text.n && (!slice_uint(port_text, UINT16_MAX, &port) || port == 0))
		return refuse(why, "a port is a number from 1 to 65535");
	*ret_host = host;
	if (port)
		*ret_port = (uint16_t)port;
	return 0;
}

/* LMTP has no port of its own, and that of SMTP is never its (RFC 2033 section 5). */
static int
parse_lmtp_host(struct slice text, struct via *v, struct buf *why)
{
	const size_t n = why->n;

	if (parse_host(text, &v->host, &v->port, why) == 0 && v->port && v->port != 25)
		return 0;
	why->n = n;
	return refuse(why, "write lmtp://HOST:PORT, with any port but 25, or lmtp:/PATH/OF/SOCKET");
}

static int
check_socket(struct slice path, struct buf *why)
{
	if (path.n == 0 || path.p[0] != '/')
		return refuse(why, "the path of a socket is absolute: lmtp:/run/dovecot/lmtp");
	if (path.n >= sizeof ((struct sockaddr_un *)NULL)->sun_path)
		return refuse(why, "the path of a socket has 107 octets at most");
	return 0;
}

static int
check_maildir(struct slice path, struct buf *why)
{
	struct slice rest;

	if (path.n == 0 || path.p[0] != '/')
		return refuse(why, "a Maildir is an absolute path: maildir:/var/mail/{domain}/{local}");
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] != '{')
			continue;
		rest = slice_skip(path, i);
		if (!slice_has_prefix(rest, SL("{local}")) && !slice_has_prefix(rest, SL("{domain}")))
			return refuse(why, "a Maildir's path knows {local} and {domain}, no other braces");
	}
	return 0;
}

static int
check_reject(struct slice text, struct buf *why)
{
	if (text.n == 0 || text.n > ROUTE_REJECT_MAX)
		return refuse(why, "behind reject: goes the text to refuse with, 450 octets at most");
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < ' ' || text.p[i] > '~')
			return refuse(why, "the text of a refusal is printable ASCII");
	return 0;
}

static bool
take_prefix(struct slice s, struct slice prefix, struct slice *ret_rest)
{
	if (!slice_has_prefix(s, prefix))
		return false;
	*ret_rest = slice_trim(slice_skip(s, prefix.n));
	return true;
}

int
via_parse(struct slice text, struct via *v, struct buf *why)
{
	static const struct { struct slice word; enum route_via via; } words[] = {
		{ S("mx"), VIA_MX }, { S("print"), VIA_PRINT }, { S("discard"), VIA_DISCARD },
	};
	/* RFC 8314 section 7.3, RFC 6409 section 3.1 */
	static const struct { struct slice prefix; enum route_scheme scheme; uint16_t port; } schemes[] = {
		{ S("smtp://"), SCHEME_ANY, 0 }, { S("smtps://"), SCHEME_IMPLICIT, 465 },
		{ S("smtp+starttls://"), SCHEME_STARTTLS, 587 },
	};
	struct slice rest;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!slice_eq(text, words[i].word))
			continue;
		v->kind = words[i].via;
		return 0;
	}
	if (take_prefix(text, SL("maildir:"), &v->target)) {
		v->kind = VIA_MAILDIR;
		return check_maildir(v->target, why);
	}
	if (take_prefix(text, SL("reject:"), &v->target)) {
		v->kind = VIA_REJECT;
		return check_reject(v->target, why);
	}
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		if (!take_prefix(text, schemes[i].prefix, &rest))
			continue;
		v->kind = VIA_SMTP;
		v->scheme = schemes[i].scheme;
		v->port = schemes[i].port;
		return parse_host(rest, &v->host, &v->port, why);
	}
	if (take_prefix(text, SL("lmtp://"), &rest)) {
		v->kind = VIA_LMTP;
		return parse_lmtp_host(rest, v, why);
	}
	if (take_prefix(text, SL("lmtp:"), &v->target)) {
		v->kind = VIA_LMTP;
		return check_socket(v->target, why);
	}
	return refuse(why, "write mx, smtp://HOST[:PORT], smtps://HOST[:PORT], smtp+starttls://HOST[:PORT], lmtp:SOCKET, lmtp://HOST:PORT, maildir:PATH, print, discard or reject:TEXT");
}
