// SPDX-License-Identifier: ISC
/*
 * Questions as packets, and checks of the octets of a packet: does it reply to us, and may ldns
 * parse it?  For 16 kB of empty TXT strings ldns 1.8.3 allocates 225 MB, and it aborts on a missing
 * field.  So ldns gets only packets that were checked here.
 */
#include "dns/wire.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <sys/random.h>

#include "dns/name.h"
#include "dns/record.h"

#define STRINGS_MAX 256		/* of one TXT record; 65 are enough for the longest packet */
#define OPAQUE_TYPE 65280	/* for private use (RFC 6895 section 3.1) */
#define EDNS_SIZE 1232		/* never fragmented (DNS flag day 2020) */

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Step over the name at *at.  A compression pointer ends it. */
static bool
skip_name(const uint8_t *p, size_t n, size_t *at)
{
	size_t i = *at;

	while (i < n && p[i] && p[i] < 0x40)
		i += (size_t)p[i] + 1;
	if (i >= n || (p[i] && p[i] < 0xc0))
		return false;
	i += p[i] ? 2 : 1;
	*at = i;
	return i <= n;
}

int
wire_query(struct wire_query *q, const char *name, enum dns_type type, bool edns)
{
	char clean[DNS_NAME_MAX];
	uint8_t *octets = NULL;
	ldns_rdf *owner;
	ldns_pkt *packet;
	uint16_t id;
	size_t at = WIRE_HEADER;
	int r = 0;

	if (!dns_name_from_text(slice_str(name), clean))
		return -EINVAL;
	/* Not ldns_pkt_set_random_id(), which would initialize all of OpenSSL for two octets. */
	if (getrandom(&id, sizeof id, 0) < 0)	/* a request for two octets is never cut short */
		return -errno;
	owner = ldns_dname_new_frm_str(clean);
	if (!owner)
		return -ENOMEM;
	packet = ldns_pkt_query_new(owner, (ldns_rr_type)type, LDNS_RR_CLASS_IN, LDNS_RD);
	if (!packet) {
		ldns_rdf_deep_free(owner);
		return -ENOMEM;
	}
	ldns_pkt_set_id(packet, id);
	if (edns)
		ldns_pkt_set_edns_udp_size(packet, EDNS_SIZE);
	if (ldns_pkt2wire(&octets, packet, &q->n) != LDNS_STATUS_OK)
		r = -ENOMEM;
	else if (q->n > sizeof q->octets || !skip_name(octets, q->n, &at))
		r = -EINVAL;
	if (r == 0) {
		memcpy(q->octets, octets, q->n);
		q->question = at + 4 - WIRE_HEADER;
	}
	free(octets);
	ldns_pkt_free(packet);
	return r;
}

bool
wire_replies(const struct wire_query *q, const uint8_t *packet, size_t n)
{
	const uint8_t *asked = q->octets + WIRE_HEADER, *got = packet + WIRE_HEADER;
	size_t name = q->question - 4;		/* type and class follow */

	if (n < WIRE_HEADER + q->question || memcmp(packet, q->octets, 2) != 0)
		return false;
	if ((packet[2] & 0xf8) != 0x80 || get16(packet + 4) != 1)	/* QR and opcode; QDCOUNT */
		return false;
	return dns_name_same(asked, name, got, name) && memcmp(asked + name, got + name, 4) == 0;
}

bool
wire_refuses(const struct wire_query *q, const uint8_t *packet, size_t n)
{
	int rcode;

	if (n < WIRE_HEADER || memcmp(packet, q->octets, 2) != 0 || (packet[2] & 0xf8) != 0x80)
		return false;
	rcode = packet[3] & 0x0f;
	return (n == WIRE_HEADER || get16(packet + 4) == 0) && rcode != WIRE_NOERROR &&
	    rcode != WIRE_NXDOMAIN;
}

/* Find the OPT record: where its type stands.  0 if there is none. */
static size_t
find_opt(const uint8_t *packet, size_t n)
{
	size_t at = WIRE_HEADER;
	unsigned records;

	for (unsigned i = get16(packet + 4); i; i--, at += 4)
		if (!skip_name(packet, n, &at) || n - at < 4)
			return 0;
	records = get16(packet + 6) + get16(packet + 8) + get16(packet + 10);
	for (unsigned i = 0; i < records; i++) {
		const size_t owner = at;
		size_t length;

		if (!skip_name(packet, n, &at) || n - at < 10)
			return 0;
		if (packet[owner] == 0 && get16(packet + at) == LDNS_RR_TYPE_OPT)
			return at;
		length = get16(packet + at + 8);
		if (n - at - 10 < length)
			return 0;
		at += 10 + length;
	}
	return 0;
}

int
wire_rcode(const uint8_t *packet, size_t n)
{
	const size_t opt = find_opt(packet, n);

	return (opt ? packet[opt + 4] << 4 : 0) | (packet[3] & 0x0f);
}

bool
wire_opt(const uint8_t *packet, size_t n, struct slice *ret_data)
{
	const size_t opt = n < WIRE_HEADER ? 0 : find_opt(packet, n);
	const size_t length = opt ? get16(packet + opt + 8) : 0;

	if (!opt || n - opt - 10 < length)
		return false;
	*ret_data = slice_of((const char *)packet + opt + 10, length);
	return true;
}

bool
wire_question(const uint8_t *packet, size_t n, char name[DNS_NAME_MAX], unsigned *ret_type,
    size_t *ret_n)
{
	size_t at = WIRE_HEADER;

	/* A standard query (RFC 1035 section 4.1.1), with one question. */
	if (n < WIRE_HEADER || (packet[2] & 0xf8) || get16(packet + 4) != 1 ||
	    !skip_name(packet, n, &at) || n - at < 4 ||
	    get16(packet + at + 2) != LDNS_RR_CLASS_IN ||
	    !dns_name_from_wire(packet + WIRE_HEADER, at - WIRE_HEADER, name) || !name[0])
		return false;
	*ret_type = get16(packet + at);
	*ret_n = at + 4;
	return true;
}

/* Are the data whole strings, and not many more than they need to be? */
static bool
has_strings(const uint8_t *data, size_t n)
{
	size_t at = 0, strings = 0;

	while (at < n && at + data[at] < n) {
		at += 1U + data[at];
		strings++;
	}
	return at == n && strings && strings <= STRINGS_MAX;
}

/* May ldns parse this record?  One of another type becomes opaque: ldns then copies its data.  So
 * does a text that nobody asked for, or that is damaged. */
static bool
make_safe(uint8_t *record, size_t length, unsigned asked)
{
	const struct record_type *t = record_type(get16(record));

	if (t && ((t->alone && t->type != asked) ||
	    (t->type == DNS_TXT && !has_strings(record + 10, length))))
		t = NULL;
	if (!t) {
		record[0] = OPAQUE_TYPE >> 8;
		record[1] = OPAQUE_TYPE & 0xff;
	}
	return !t || t->length == 0 || t->length == length;
}

int
wire_trim(uint8_t *packet, size_t n, size_t *ret_n)
{
	size_t at = WIRE_HEADER;
	unsigned records, asked;

	if (n < WIRE_HEADER || n > DNS_ANSWER_CAP || get16(packet + 4) != 1)
		return -EBADMSG;
	if (!skip_name(packet, n, &at) || n - at < 4)
		return -EBADMSG;
	asked = get16(packet + at);
	at += 4;
	records = get16(packet + 6) + get16(packet + 8);
	for (unsigned i = 0; i < records; i++) {
		size_t length;

		if (!skip_name(packet, n, &at) || n - at < 10)
			return -EBADMSG;
		length = get16(packet + at + 8);
		if (n - at - 10 < length || !make_safe(packet + at, length, asked))
			return -EBADMSG;
		at += 10 + length;
	}
	packet[10] = packet[11] = 0;	/* ARCOUNT */
	*ret_n = at;
	return 0;
}
