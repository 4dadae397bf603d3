// SPDX-License-Identifier: ISC
/*
 * IP addresses and networks, from text and to text.  No names, no DNS, no allocation: getaddrinfo()
 * would read files and load modules for each address.
 */
#include "base/cidr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

/* The first 12 octets of an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2). */
static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

bool
ip_parse(int family, struct slice text, void *ret)
{
	char z[INET6_ADDRSTRLEN];

	if (text.n == 0 || text.n >= sizeof z || memchr(text.p, '\0', text.n))
		return false;
	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	return inet_pton(family, z, ret) == 1;
}

/* Remove the brackets of "[inner]".  False if only one side has a bracket. */
static bool
unbracket(struct slice *text)
{
	if (text->n == 0 || text->p[0] != '[')
		return true;
	if (text->n < 2 || text->p[text->n - 1] != ']')
		return false;
	*text = slice_of(text->p + 1, text->n - 2);
	return true;
}

bool
cidr_parse(struct slice text, struct cidr *ret)
{
	struct slice bits, ip = slice_cut(text, '/', &bits);
	bool has_bits = ip.n != text.n;
	struct cidr c = { 0 };
	uint64_t n;

	if (!unbracket(&ip))
		return false;
	if (ip_parse(AF_INET, ip, c.address))
		c.family = AF_INET;
	else if (ip_parse(AF_INET6, ip, c.address))
		c.family = AF_INET6;
	else
		return false;
	n = c.family == AF_INET ? 32 : 128;
	if (has_bits && !slice_uint(bits, n, &n))
		return false;
	c.bits = (unsigned)n;
	if (c.family == AF_INET6 && c.bits >= 96 && memcmp(c.address, mapped, sizeof mapped) == 0) {
		memmove(c.address, c.address + 12, 4);
		memset(c.address + 4, 0, 12);
		c.family = AF_INET;
		c.bits -= 96;
	}
	*ret = c;
	return true;
}

/* The octets of the address in sa; an IPv4-mapped one counts as IPv4.  NULL for another family, and
 * *ret_family is 0. */
static const unsigned char *
address_octets(const struct sockaddr *sa, int *ret_family)
{
	const unsigned char *p;

	*ret_family = 0;
	if (sa->sa_family == AF_INET) {
		*ret_family = AF_INET;
		return (const unsigned char *)
		    &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	}
	if (sa->sa_family != AF_INET6)
		return NULL;
	p = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr.s6_addr;
	if (memcmp(p, mapped, sizeof mapped) == 0) {
		*ret_family = AF_INET;
		return p + 12;
	}
	*ret_family = AF_INET6;
	return p;
}

/* Are the first bits the same? */
static bool
same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	const unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

bool
cidr_match(const struct cidr *net, const struct sockaddr *sa)
{
	int family;
	const unsigned char *p = address_octets(sa, &family);

	return p && family == net->family && same_bits(p, net->address, net->bits);
}

bool
cidr_overlap(const struct cidr *a, const struct cidr *b)
{
	return a->family == b->family &&
	       same_bits(a->address, b->address, a->bits < b->bits ? a->bits : b->bits);
}

void
cidr_text(struct buf *b, const struct cidr *net)
{
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(net->family, net->address, text, sizeof text))
		return;
	buf_str(b, text);
	if (net->bits == (net->family == AF_INET ? 32 : 128))
		return;
	buf_chr(b, '/');
	buf_uint(b, net->bits);
}

void
address_text(struct buf *b, const struct sockaddr *sa)
{
	int family;
	const unsigned char *p = address_octets(sa, &family);
	uint32_t scope;
	char text[INET6_ADDRSTRLEN];

	if (!p)
		return;
	if (family == AF_INET) {
		for (int i = 0; i < 4; i++) {
			if (i)
				buf_chr(b, '.');
			buf_uint(b, p[i]);
		}
		return;
	}
	if (!inet_ntop(AF_INET6, p, text, sizeof text))
		return;
	buf_str(b, text);
	scope = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_scope_id;
	if (scope) {
		buf_chr(b, '%');
		buf_uint(b, scope);
	}
}

/* Read the scope of an IPv6 address: "eth0" or "2", the text behind '%'. */
static bool
parse_scope(struct slice text, uint32_t *ret)
{
	char name[IF_NAMESIZE];
	uint64_t n;

	if (slice_uint(text, UINT32_MAX, &n)) {
		*ret = (uint32_t)n;
		return n > 0;
	}
	if (text.n == 0 || text.n >= sizeof name || memchr(text.p, '\0', text.n))
		return false;
	memcpy(name, text.p, text.n);
	name[text.n] = '\0';
	*ret = if_nametoindex(name);
	return *ret != 0;
}

/* Take ":PORT" or "@PORT" off the end.  A colon starts a port only if it cannot be part of an IPv6
 * address. */
static bool
cut_port(struct slice *text, uint64_t *ret_port)
{
	struct slice rest, port, ip = slice_cut(*text, '@', &port);

	if (ip.n != text->n) {
		*text = ip;
		return slice_uint(port, UINT16_MAX, ret_port);
	}
	if (text->n && text->p[0] == '[') {
		ip = slice_cut(*text, ']', &rest);
		if (ip.n == text->n)
			return false;
		ip.n++;
		if (rest.n == 0)
			return true;
		if (rest.p[0] != ':')
			return false;
		port = slice_skip(rest, 1);
	} else {
		ip = slice_cut(*text, ':', &port);
		if (ip.n == text->n || memchr(port.p, ':', port.n))
			return true;
	}
	*text = ip;
	return slice_uint(port, UINT16_MAX, ret_port);
}

bool
address_parse(struct slice text, uint16_t default_port, struct sockaddr_storage *ret,
    socklen_t *ret_len)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	struct slice scope, ip;
	uint64_t port = default_port;

	if (!cut_port(&text, &port) || !unbracket(&text))
		return false;
	if (ip_parse(AF_INET, text, &in->sin_addr)) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		*ret = ss;
		*ret_len = sizeof *in;
		return true;
	}
	ip = slice_cut(text, '%', &scope);
	if (!ip_parse(AF_INET6, ip, in6->sin6_addr.s6_addr))
		return false;
	if (ip.n != text.n && !parse_scope(scope, &in6->sin6_scope_id))
		return false;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	*ret = ss;
	*ret_len = sizeof *in6;
	return true;
}

static bool
read_ipv4(struct slice text, unsigned char octets[4])
{
	const char *end = text.p + text.n;
	uint64_t number;

	for (size_t i = 0; i < 4; i++) {
		const struct slice digits = slice_cut(text, '.', &text);

		if (digits.n > 3 || !slice_uint(digits, 255, &number) ||
		    (digits.p + digits.n == end) != (i == 3))
			return false;
		octets[i] = (unsigned char)number;
	}
	return true;
}

bool
address_literal_parse(struct slice literal, struct sockaddr_storage *ret)
{
	struct sockaddr_storage ss = { .ss_family = AF_INET };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	unsigned char octets[4];
	struct slice inner;

	if (literal.n < 2 || literal.p[0] != '[' || literal.p[literal.n - 1] != ']')
		return false;
	inner = slice_of(literal.p + 1, literal.n - 2);
	if (slice_has_iprefix(inner, SL("IPv6:"))) {
		ss.ss_family = AF_INET6;
		if (!ip_parse(AF_INET6, slice_skip(inner, 5), in6->sin6_addr.s6_addr))
			return false;
	} else if (read_ipv4(inner, octets)) {
		memcpy(&in->sin_addr, octets, sizeof octets);
	} else {
		return false;
	}
	*ret = ss;
	return true;
}

uint16_t
address_port(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port);
	if (sa->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
	return 0;
}

void
address_set_port(struct sockaddr *sa, uint16_t port)
{
	if (sa->sa_family == AF_INET)
		((struct sockaddr_in *)(void *)sa)->sin_port = htons(port);
	else if (sa->sa_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)sa)->sin6_port = htons(port);
}

socklen_t
address_len(int family)
{
	return family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

void
address_unmap(struct sockaddr_storage *ss, socklen_t *len)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (ss->ss_family != AF_INET6 || memcmp(in6->sin6_addr.s6_addr, mapped, sizeof mapped) != 0)
		return;
	in.sin_port = in6->sin6_port;
	memcpy(&in.sin_addr, in6->sin6_addr.s6_addr + 12, 4);
	memset(ss, 0, sizeof *ss);
	memcpy(ss, &in, sizeof in);
	*len = sizeof in;
}

bool
address_is_loopback(const struct sockaddr_storage *ss)
{
	static const struct cidr four = { AF_INET, 8, { 127 } };
	static const struct cidr six = { AF_INET6, 128, { [15] = 1 } };
	const struct sockaddr *sa = (const struct sockaddr *)ss;

	return cidr_match(&four, sa) || cidr_match(&six, sa);
}
