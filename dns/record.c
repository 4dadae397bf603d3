// SPDX-License-Identifier: ISC
/*
 * The types of records, one row each.  A new type needs a value of enum dns_type, its fields in
 * struct dns_record, and a row here.  Fields are counted before they are read, because ldns asserts
 * on a missing field.
 */
#include "dns/record.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "dns/name.h"

#define TEXT_MAX 4096		/* octets of a TXT record; of more, the rest is cut off */
#define TLSA_MAX 8192		/* octets of a certificate as a whole */

const ldns_rdf *
record_field(const ldns_rr *rr, size_t i, ldns_rdf_type type, size_t size)
{
	const ldns_rdf *f = i < ldns_rr_rd_count(rr) ? ldns_rr_rdf(rr, i) : NULL;

	if (!f || ldns_rdf_get_type(f) != type || !ldns_rdf_data(f) ||
	    (size && ldns_rdf_size(f) != size))
		return NULL;
	return f;
}

static struct slice
cut_octets(struct slice *in, size_t n)
{
	const struct slice cut = slice_of(in->p, n);

	*in = slice_skip(*in, n);
	return cut;
}

/* ---- A and AAAA ---- */

static void
set_ipv4(struct dns_record *ret, const void *octets)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->address;

	in->sin_family = AF_INET;
	memcpy(&in->sin_addr, octets, sizeof in->sin_addr);
}

static bool
parse_a(const ldns_rr *rr, struct dns_record *ret)
{
	const ldns_rdf *f = record_field(rr, 0, LDNS_RDF_TYPE_A, 4);

	if (f)
		set_ipv4(ret, ldns_rdf_data(f));
	return f != NULL;
}

static void
put_a(const struct dns_record *record, struct buf *b)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&record->address;

	buf_add(b, slice_of((const char *)&in->sin_addr, sizeof in->sin_addr));
}

static bool
take_a(struct slice *in, struct dns_record *ret)
{
	if (in->n < 4)
		return false;
	set_ipv4(ret, cut_octets(in, 4).p);
	return true;
}

static void
set_ipv6(struct dns_record *ret, const void *octets)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->address;

	in6->sin6_family = AF_INET6;
	memcpy(&in6->sin6_addr, octets, sizeof in6->sin6_addr);
}

static bool
parse_aaaa(const ldns_rr *rr, struct dns_record *ret)
{
	const ldns_rdf *f = record_field(rr, 0, LDNS_RDF_TYPE_AAAA, 16);

	if (f)
		set_ipv6(ret, ldns_rdf_data(f));
	return f != NULL;
}

static void
put_aaaa(const struct dns_record *record, struct buf *b)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&record->address;

	buf_add(b, slice_of((const char *)&in6->sin6_addr, sizeof in6->sin6_addr));
}

static bool
take_aaaa(struct slice *in, struct dns_record *ret)
{
	if (in->n < 16)
		return false;
	set_ipv6(ret, cut_octets(in, 16).p);
	return true;
}

/* ---- MX and SRV: numbers in two octets each, the length of the name in one, the name ---- */

#define NUMBERS_MAX 3

/* The numbers of a record, in the order on the wire. */
static size_t
numbers_of(struct dns_record *record, uint16_t *numbers[NUMBERS_MAX])
{
	numbers[0] = &record->preference;
	numbers[1] = &record->weight;
	numbers[2] = &record->port;
	return record->type == DNS_SRV ? NUMBERS_MAX : 1;
}

static bool
parse_host(const ldns_rr *rr, struct dns_record *ret)
{
	uint16_t *numbers[NUMBERS_MAX];
	const size_t n = numbers_of(ret, numbers);
	const ldns_rdf *f = record_field(rr, n, LDNS_RDF_TYPE_DNAME, 0);

	for (size_t i = 0; i < n; i++) {
		const ldns_rdf *number = record_field(rr, i, LDNS_RDF_TYPE_INT16, 2);

		if (!number)
			return false;
		*numbers[i] = ldns_rdf2native_int16(number);
	}
	return f && dns_name_from_wire(ldns_rdf_data(f), ldns_rdf_size(f), ret->target);
}

static void
put_host(const struct dns_record *record, struct buf *b)
{
	struct dns_record r = *record;
	uint16_t *numbers[NUMBERS_MAX];
	const size_t n = numbers_of(&r, numbers);
	const struct slice target = slice_str(record->target);

	for (size_t i = 0; i < n; i++) {
		buf_chr(b, (char)(*numbers[i] >> 8));
		buf_chr(b, (char)*numbers[i]);
	}
	buf_chr(b, (char)target.n);
	buf_add(b, target);
}

static bool
take_host(struct slice *in, struct dns_record *ret)
{
	uint16_t *numbers[NUMBERS_MAX];
	const size_t n = numbers_of(ret, numbers);
	const uint8_t *p = (const uint8_t *)in->p;
	struct slice target;

	if (in->n < 2 * n + 1 || in->n - 2 * n - 1 < p[2 * n])
		return false;
	for (size_t i = 0; i < n; i++)
		*numbers[i] = (uint16_t)(p[2 * i] << 8 | p[2 * i + 1]);
	*in = slice_skip(*in, 2 * n + 1);
	target = cut_octets(in, p[2 * n]);
	memcpy(ret->target, target.p, target.n);
	return true;
}

/* ---- PTR: the length of the name in one octet, the name ---- */

static bool
parse_ptr(const ldns_rr *rr, struct dns_record *ret)
{
	const ldns_rdf *f = record_field(rr, 0, LDNS_RDF_TYPE_DNAME, 0);

	return f && dns_name_from_wire(ldns_rdf_data(f), ldns_rdf_size(f), ret->target) &&
	    ret->target[0];
}

static void
put_ptr(const struct dns_record *record, struct buf *b)
{
	const struct slice target = slice_str(record->target);

	buf_chr(b, (char)target.n);
	buf_add(b, target);
}

static bool
take_ptr(struct slice *in, struct dns_record *ret)
{
	const size_t n = in->n ? (uint8_t)in->p[0] : 0;

	if (in->n < 1 + n)
		return false;
	*in = slice_skip(*in, 1);
	memcpy(ret->target, cut_octets(in, n).p, n);
	return true;
}

/* ---- TXT: the number of octets in two, and the octets ---- */

static bool
parse_txt(const ldns_rr *rr, struct dns_record *ret)
{
	char space[TEXT_MAX];
	struct buf b = BUF(space);

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *f = record_field(rr, i, LDNS_RDF_TYPE_STR, 0);
		const uint8_t *string = f ? ldns_rdf_data(f) : NULL;
		const size_t room = b.cap - b.n;

		if (!string || ldns_rdf_size(f) < 1 || ldns_rdf_size(f) - 1 < string[0])
			return false;
		buf_add(&b,
		    slice_of((const char *)string + 1, string[0] < room ? string[0] : room));
	}
	for (size_t i = 0; i < b.n; i++)
		if (space[i] == '\0')		/* text has none */
			space[i] = '?';
	ret->text = strndup(space, b.n);
	return ret->text != NULL;
}

static void
put_txt(const struct dns_record *record, struct buf *b)
{
	const struct slice text = slice_str(record->text);

	buf_chr(b, (char)(text.n >> 8));
	buf_chr(b, (char)text.n);
	buf_add(b, text);
}

static bool
take_txt(struct slice *in, struct dns_record *ret)
{
	const uint8_t *p = (const uint8_t *)in->p;
	const size_t n = in->n < 2 ? 0 : (size_t)(p[0] << 8 | p[1]);

	if (in->n < 2 || in->n - 2 < n || memchr(p + 2, '\0', n))
		return false;
	ret->text = strndup((const char *)p + 2, n);
	*in = slice_skip(*in, 2 + n);
	return ret->text != NULL;
}

/* ---- CNAME, which DANE asks for ---- */

static bool
parse_cname(const ldns_rr *rr, struct dns_record *ret)
{
	const ldns_rdf *f = record_field(rr, 0, LDNS_RDF_TYPE_DNAME, 0);

	return f && dns_name_from_wire(ldns_rdf_data(f), ldns_rdf_size(f), ret->target);
}

/* ---- TLSA; a record of it is not kept in the cache ---- */

static bool
parse_tlsa(const ldns_rr *rr, struct dns_record *ret)
{
	const ldns_rdf *usage = record_field(rr, 0, LDNS_RDF_TYPE_CERTIFICATE_USAGE, 1);
	const ldns_rdf *selector = record_field(rr, 1, LDNS_RDF_TYPE_SELECTOR, 1);
	const ldns_rdf *matching = record_field(rr, 2, LDNS_RDF_TYPE_MATCHING_TYPE, 1);
	const ldns_rdf *data = record_field(rr, 3, LDNS_RDF_TYPE_HEX, 0);
	struct dns_tlsa *t = &ret->tlsa;

	if (!usage || !selector || !matching || !data || ldns_rdf_size(data) == 0 ||
	    ldns_rdf_size(data) > TLSA_MAX || !(t->octets = malloc(ldns_rdf_size(data))))
		return false;
	t->n = (uint16_t)ldns_rdf_size(data);
	memcpy(t->octets, ldns_rdf_data(data), t->n);
	t->usage = *ldns_rdf_data(usage);
	t->selector = *ldns_rdf_data(selector);
	t->matching = *ldns_rdf_data(matching);
	return true;
}

/* Types that are asked for, then types that only come along with others. */

static const struct record_type types[] = {
	{ DNS_A,    4,  false, parse_a,    put_a,    take_a },
	{ DNS_AAAA, 16, false, parse_aaaa, put_aaaa, take_aaaa },
	{ DNS_MX,   0,  false, parse_host, put_host, take_host },
	{ DNS_SRV,  0,  false, parse_host, put_host, take_host },
	{ DNS_PTR,  0,  false, parse_ptr,  put_ptr,  take_ptr },
	{ DNS_TXT,  0,  true,  parse_txt,  put_txt,  take_txt },
	{ .type = DNS_CNAME, .parse = parse_cname },
	{ .type = DNS_TLSA, .alone = true, .parse = parse_tlsa },
	/* Types that an answer may also contain: aliases, and proofs that no record exists. */
	{ .type = LDNS_RR_TYPE_DNAME },
	{ .type = LDNS_RR_TYPE_NS },
	{ .type = LDNS_RR_TYPE_SOA },
	{ .type = LDNS_RR_TYPE_DS },
	{ .type = LDNS_RR_TYPE_RRSIG },
	{ .type = LDNS_RR_TYPE_NSEC },
	{ .type = LDNS_RR_TYPE_NSEC3 },
};

const struct record_type *
record_type(unsigned type)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

bool
record_parse(const ldns_rr *rr, struct dns_record *ret)
{
	const struct record_type *t = record_type((unsigned)ldns_rr_get_type(rr));

	memset(ret, 0, sizeof *ret);
	if (!t || !t->parse)
		return false;
	ret->type = (enum dns_type)t->type;
	return t->parse(rr, ret);
}

bool
record_put(const struct dns_record *record, struct buf *b)
{
	const struct record_type *t = record_type(record->type);

	if (!t || !t->put)
		return false;
	t->put(record, b);
	return !b->full;
}

bool
record_take(enum dns_type type, struct slice *in, struct dns_record *ret)
{
	const struct record_type *t = record_type(type);

	memset(ret, 0, sizeof *ret);
	ret->type = type;
	return t && t->take && t->take(in, ret);
}

void
records_free(struct dns_record *records, size_t n)
{
	for (size_t i = 0; records && i < n; i++) {
		free(records[i].text);
		free(records[i].tlsa.octets);
	}
	free(records);
}
