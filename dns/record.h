// SPDX-License-Identifier: ISC
/*
 * The types of DNS records: a table with a row for each type that an answer may contain.
 */
#ifndef DNS_RECORD_H
#define DNS_RECORD_H

#include <ldns/ldns.h>

#include "base/buf.h"
#include "dns/resolver.h"

struct record_type {
	/* Type on the wire; also an enum dns_type if parse is set. */
	unsigned type;
	size_t length;			/* octets of its data; 0: any number */
	/* It matters only in an answer to a question for it; it may be damaged in others. */
	bool alone;
	/* Read a record.  False if it is damaged, if its name cannot be a host's, or without
	 * memory.  NULL: this type is never asked for and only comes along with others. */
	bool (*parse)(const ldns_rr *rr, struct dns_record *ret);
	/* Write the record as octets for the cache.  NULL: it is not kept there. */
	void (*put)(const struct dns_record *record, struct buf *b);
	/* Read the record back from *in, which moves behind it.  False if that is damaged, or
	 * without memory. */
	bool (*take)(struct slice *in, struct dns_record *ret);
};

/* The row of a type; NULL if no answer to our questions contains it. */
const struct record_type *record_type(unsigned type);

/* Field i of a record, or NULL if it is missing or has another type or size (0: any size). */
const ldns_rdf *record_field(const ldns_rr *rr, size_t i, ldns_rdf_type type, size_t size);

/* Read a record that was asked for.  False if it is damaged, if its name cannot be a host's, or
 * without memory.  records_free() must follow a success, as after record_take(). */
bool record_parse(const ldns_rr *rr, struct dns_record *ret);

/* Write a record as octets of a cache entry.  False if there is no room. */
bool record_put(const struct dns_record *record, struct buf *b);

/* Read a record back from octets of a cache entry; *in moves behind them.  False if they are
 * damaged, or without memory. */
bool record_take(enum dns_type type, struct slice *in, struct dns_record *ret);

/* Free n records; NULL is fine. */
void records_free(struct dns_record *records, size_t n);

#endif
