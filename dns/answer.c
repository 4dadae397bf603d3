// SPDX-License-Identifier: ISC
/*
 * Reading the answer in a packet with ldns: CNAMEs are followed, records are collected.
 */
#include "dns/wire.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdlib.h>

#include "dns/name.h"
#include "dns/record.h"

#define CHAIN_MAX 16		/* CNAMEs followed in one packet */

struct reading {
	ldns_rr_list *answer, *authority;
	const ldns_rdf *name;		/* end of the CNAMEs so far; borrowed from the packet */
	unsigned type;
	struct wire_answer *ret;
};

static bool
same_name(const ldns_rdf *a, const ldns_rdf *b)
{
	return a && b &&
	    dns_name_same(ldns_rdf_data(a), ldns_rdf_size(a), ldns_rdf_data(b), ldns_rdf_size(b));
}

static bool
is_record_of(const struct reading *reading, const ldns_rr *rr, unsigned type)
{
	return (unsigned)ldns_rr_get_type(rr) == type &&
	    ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN &&
	    same_name(ldns_rr_owner(rr), reading->name);
}

static void
lower_ttl(struct wire_answer *ret, uint32_t ttl_s)
{
	if (ttl_s > INT32_MAX)		/* RFC 2181 section 8 */
		ttl_s = 0;
	if (ttl_s < ret->ttl_s)
		ret->ttl_s = ttl_s;
}

static size_t
most_records(unsigned type)
{
	return type == LDNS_RR_TYPE_TXT ? DNS_TEXTS_MAX : DNS_RECORDS_MAX;
}

/* Collect the records of the type that the name has.  Returns their number, also counting damaged
 * ones; or -ENOMEM. */
static int
collect_records(struct reading *reading)
{
	struct wire_answer *ret = reading->ret;
	const size_t n = ldns_rr_list_rr_count(reading->answer);
	const size_t most = most_records(reading->type) < n ? most_records(reading->type) : n;
	int found = 0;

	for (size_t i = 0; i < n; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(reading->answer, i);

		if (!is_record_of(reading, rr, reading->type))
			continue;
		found++;
		if (ret->n == most)
			continue;
		if (!ret->records) {
			ret->records = calloc(most, sizeof ret->records[0]);
			if (!ret->records)
				return -ENOMEM;
		}
		lower_ttl(ret, ldns_rr_ttl(rr));
		ret->n += record_parse(rr, &ret->records[ret->n]);
	}
	return found;
}

/* Follow one CNAME of the name. */
static bool
follow_cname(struct reading *reading)
{
	size_t n = ldns_rr_list_rr_count(reading->answer);

	for (size_t i = 0; i < n; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(reading->answer, i);
		const ldns_rdf *target;

		if (!is_record_of(reading, rr, LDNS_RR_TYPE_CNAME))
			continue;
		target = record_field(rr, 0, LDNS_RDF_TYPE_DNAME, 0);
		if (!target)
			return false;
		lower_ttl(reading->ret, ldns_rr_ttl(rr));
		reading->name = target;
		return true;
	}
	return false;
}

/* Does the authority section prove that the record or name does not exist (RFC 2308 section 2.2)?
 * The SOA gives the time for which that holds. */
static bool
is_denied(struct reading *reading)
{
	size_t n = ldns_rr_list_rr_count(reading->authority);

	for (size_t i = 0; i < n; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(reading->authority, i);
		const ldns_rdf *minimum;

		if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_SOA)
			continue;
		minimum = record_field(rr, 6, LDNS_RDF_TYPE_PERIOD, 4);
		lower_ttl(reading->ret, ldns_rr_ttl(rr));
		lower_ttl(reading->ret, minimum ? ldns_rdf2native_int32(minimum) : 0);
		return true;
	}
	return false;
}

/* Is this a referral?  A server that does not recurse and is not authoritative only points to other
 * servers.  Such a reply is not a statement about the name. */
static bool
is_referral(const ldns_pkt *packet, const struct reading *reading)
{
	if (ldns_pkt_aa(packet) || ldns_pkt_ra(packet))
		return false;
	for (size_t i = 0; i < ldns_rr_list_rr_count(reading->authority); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(reading->authority, i)) == LDNS_RR_TYPE_NS)
			return true;
	return false;
}

/* The end of the CNAMEs so far.  0, or -EBADMSG if it is not a name. */
static int
keep_name(const struct reading *reading, char ret[DNS_NAME_MAX])
{
	const uint8_t *name = ldns_rdf_data(reading->name);

	return dns_name_from_wire(name, ldns_rdf_size(reading->name), ret) && ret[0] ?
	    0 : -EBADMSG;
}

static int
read_answer(const ldns_pkt *packet, bool is_empty, struct reading *reading)
{
	struct wire_answer *ret = reading->ret;
	unsigned hops = 0;
	int found;

	ret->canonical[0] = '\0';
	if (ldns_pkt_get_rcode(packet) == LDNS_RCODE_NXDOMAIN) {
		ret->status = DNS_NXDOMAIN;
		if (!is_denied(reading))
			ret->ttl_s = 0;
		return 0;
	}
	for (;;) {
		found = collect_records(reading);
		if (found < 0)
			return found;
		if (found > 0) {
			ret->status = DNS_OK;
			(void)keep_name(reading, ret->canonical);
			return 0;
		}
		if (!follow_cname(reading))
			break;
		if (++hops > CHAIN_MAX)
			return -EBADMSG;
	}
	ret->status = DNS_NODATA;
	if (is_denied(reading)) {
		(void)keep_name(reading, ret->canonical);
		return 0;
	}
	if (hops)
		return keep_name(reading, ret->alias);
	ret->ttl_s = 0;
	if (is_empty)
		ret->status = DNS_TIMEOUT;
	else if (is_referral(packet, reading))
		ret->status = DNS_SERVFAIL;
	return 0;
}

int
wire_answer(uint8_t *octets, size_t n, struct wire_answer *ret)
{
	struct wire_answer answer = { .ttl_s = UINT32_MAX };
	struct reading reading = { .ret = &answer };
	const ldns_rr *question;
	ldns_pkt *packet = NULL;
	const bool is_empty = n >= WIRE_HEADER && !memcmp(octets + 6, "\0\0\0\0\0", 6);
	int r = wire_trim(octets, n, &n);

	if (r < 0)
		return r;
	if (ldns_wire2pkt(&packet, octets, n) != LDNS_STATUS_OK)
		return -EBADMSG;
	question = ldns_rr_list_rr(ldns_pkt_question(packet), 0);
	reading.answer = ldns_pkt_answer(packet);
	reading.authority = ldns_pkt_authority(packet);
	reading.name = question ? ldns_rr_owner(question) : NULL;
	if (!reading.name) {
		r = -EBADMSG;
		goto out;
	}
	reading.type = (unsigned)ldns_rr_get_type(question);
	r = read_answer(packet, is_empty, &reading);
	if (r == 0) {
		*ret = answer;
		answer.records = NULL;
		answer.n = 0;
	}
out:
	records_free(answer.records, answer.n);
	ldns_pkt_free(packet);
	return r;
}
