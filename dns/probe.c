// SPDX-License-Identifier: ISC
/*
 * Reads packets by itself: each field is checked against the packet's end before it is used.
 */
#include "dns/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>

#include "base/clock.h"
#include "dns/exchange.h"
#include "dns/name.h"

#define POINTERS_MAX 32		/* of one compressed name */
#define OPT          41
#define AD           0x20	/* in the fourth octet of a packet */
#define TRUNCATED    0x02	/* in the third */
#define TRIES        2		/* of each server */

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Copy the name at *at without compression, and move *at behind it.  False if it is damaged. */
static bool
read_name(const uint8_t *packet, size_t n, size_t *at, uint8_t wire[256], size_t *ret_n)
{
	size_t here = *at, out = 0;
	unsigned pointers = 0;

	while (here < n) {
		const size_t size = packet[here];

		if (size >= 0xc0) {
			if (here + 2 > n || ++pointers > POINTERS_MAX)
				return false;
			if (pointers == 1)
				*at = here + 2;
			here = get16(packet + here) & 0x3fff;
			continue;
		}
		if (size > 63 || here + 1 + size > n || out + 1 + size > 255)
			return false;
		memcpy(wire + out, packet + here, 1 + size);
		out += 1 + size;
		here += 1 + size;
		if (size == 0) {
			if (pointers == 0)
				*at = here;
			*ret_n = out;
			return true;
		}
	}
	return false;
}

/* The strings of a TXT record, joined.  Longer ones are cut. */
static void
keep_strings(const uint8_t *data, size_t n, char ret[DNS_PROBE_TEXT])
{
	struct buf b = { .p = ret, .cap = DNS_PROBE_TEXT - 1 };
	size_t at = 0;

	while (at < n && at + 1 + data[at] <= n) {
		buf_add(&b, slice_of((const char *)data + at + 1, data[at]));
		at += 1U + data[at];
	}
	for (size_t i = 0; i < b.n; i++)
		if (ret[i] == '\0')
			ret[i] = '?';
	ret[b.n] = '\0';
}

static void
keep_record(const uint8_t *packet, size_t n, size_t at, size_t size, struct dns_probe *p)
{
	char *text = p->texts[p->n];
	uint8_t wire[256];
	size_t length;

	if (p->type == DNS_PROBE_TXT) {
		keep_strings(packet + at, size, text);
		p->n++;
	} else if (p->type == DNS_PROBE_PTR) {
		p->n += read_name(packet, n, &at, wire, &length) &&
		    dns_name_from_wire(wire, length, text);
	}
}

bool
dns_probe_read(const uint8_t *packet, size_t n, struct dns_probe *p)
{
	unsigned answers, records;
	size_t at = WIRE_HEADER, length;
	uint8_t wire[256];

	if (n < WIRE_HEADER)
		return false;
	p->rcode = packet[3] & 0x0f;
	p->validated = packet[3] & AD;
	p->edns = false;
	p->n = 0;
	for (unsigned i = get16(packet + 4); i > 0; i--) {
		if (!read_name(packet, n, &at, wire, &length) || at + 4 > n)
			return false;
		at += 4;
	}
	answers = get16(packet + 6);
	records = answers + get16(packet + 8) + get16(packet + 10);
	for (unsigned i = 0; i < records; i++) {
		unsigned type, size;

		if (!read_name(packet, n, &at, wire, &length) || at + 10 > n)
			return false;
		type = get16(packet + at);
		size = get16(packet + at + 8);
		at += 10;
		if (at + size > n)
			return false;
		p->edns |= type == OPT;
		if (i < answers && type == p->type && p->n < DNS_PROBE_TEXTS)
			keep_record(packet, n, at, size, p);
		at += size;
	}
	return true;
}

/* Wait for the packet.  Its octets, or -errno. */
static ssize_t
await_packet(struct exchange *x, int timeout_ms, uint8_t packet[DNS_ANSWER_CAP])
{
	const int64_t end_ms = clock_ms() + timeout_ms;
	ssize_t n = 0;

	while (n == 0) {
		struct pollfd fd = { .fd = x->fd, .events = x->events };
		const int ready = poll(&fd, 1, clock_left_ms(end_ms));

		if (ready == 0)
			return -ETIMEDOUT;
		if (ready > 0)
			n = exchange_step(x, packet);
	}
	return n;
}

/* Ask once.  Returns whether the reply was truncated. */
static bool
ask_once(const struct dns_resolver *r, size_t server, struct dns_probe *p)
{
	struct wire_query query;
	struct exchange x = { .fd = -1 };
	uint8_t packet[DNS_ANSWER_CAP];
	ssize_t n;
	int error = wire_query(&query, p->name, (enum dns_type)p->type, true);
	bool truncated = false;

	p->n = 0;
	if (error == 0) {
		query.octets[3] |= AD;		/* RFC 6840 section 5.7 */
		error = exchange_open(&x, r, server, &query, p->tcp);
	}
	if (error < 0) {
		p->rcode = error;
		return false;
	}
	n = await_packet(&x, p->timeout_ms, packet);
	if (n < 0)
		p->rcode = (int)n;
	else if ((size_t)n >= WIRE_HEADER && packet[2] & TRUNCATED && !p->tcp)
		truncated = true;
	if (n > 0 && !dns_probe_read(packet, (size_t)n, p) && !truncated)
		p->rcode = -EBADMSG;
	exchange_close(&x);
	return truncated;
}

void
dns_probe(const struct dns_resolver *r, size_t server, struct dns_probe *p)
{
	(void)ask_once(r, server, p);
}

void
dns_probe_any(const struct dns_resolver *r, struct dns_probe *p)
{
	p->rcode = -ENETUNREACH;
	for (size_t i = 0; i < r->nservers * TRIES; i++) {
		p->tcp = r->use_tcp;
		if (ask_once(r, i % r->nservers, p)) {
			p->tcp = true;
			(void)ask_once(r, i % r->nservers, p);
		}
		if (p->rcode == WIRE_NOERROR || p->rcode == WIRE_NXDOMAIN)
			return;
	}
}

void
dns_reverse_name(struct buf *b, const struct sockaddr *sa)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *p;

	if (sa->sa_family == AF_INET) {
		p = (const uint8_t *)&((const struct sockaddr_in *)sa)->sin_addr;
		buf_fmt(b, "%u.%u.%u.%u.in-addr.arpa", p[3], p[2], p[1], p[0]);
		return;
	}
	p = (const uint8_t *)&((const struct sockaddr_in6 *)sa)->sin6_addr;
	for (size_t i = 16; i-- > 0;) {
		buf_chr(b, hex[p[i] & 15]);
		buf_chr(b, '.');
		buf_chr(b, hex[p[i] >> 4]);
		buf_chr(b, '.');
	}
	buf_str(b, "ip6.arpa");
	(void)buf_cstr(b);
}
