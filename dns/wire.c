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

/* May an answer contain this type with data of this length? */
static bool
is_expected(unsigned type, size_t length)
{
	const struct record_type *t = record_type(type);

	return t && (t->length == 0 || t->length == length);
}

int
wire_trim(uint8_t *packet, size_t n, size_t *ret_n)
{
	size_t at = WIRE_HEADER;
	unsigned records;

	if (n < WIRE_HEADER || n > DNS_ANSWER_CAP || get16(packet + 4) != 1)
		return -EBADMSG;
	if (!skip_name(packet, n, &at) || n - at < 4)
		return -EBADMSG;
	at += 4;
	records = get16(packet + 6) + get16(packet + 8);
	for (unsigned i = 0; i < records; i++) {
		size_t length;

		if (!skip_name(packet, n, &at) || n - at < 10)
			return -EBADMSG;
		length = get16(packet + at + 8);
		if (!is_expected(get16(packet + at), length) || n - at - 10 < length)
			return -EBADMSG;
		at += 10 + length;
	}
	packet[10] = packet[11] = 0;	/* ARCOUNT */
	*ret_n = at;
	return 0;
}
