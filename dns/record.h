// SPDX-License-Identifier: ISC
/*
 * The types of DNS records: one table, with a row for each type that an answer may contain.
 */
#ifndef DNS_RECORD_H
#define DNS_RECORD_H

#include <ldns/ldns.h>

#include "base/buf.h"
#include "dns/resolver.h"

struct record_type {
	unsigned type;			/* of the wire, and an enum dns_type if parse is set */
	size_t length;			/* octets of its data; 0: any */
	/* Read a record; false if it is damaged or names what cannot be a host.  NULL: nobody asks for this
	 * type, it only accompanies others. */
	bool (*parse)(const ldns_rr *rr, struct dns_record *ret);
	/* The record as octets for the cache, and back.  take moves in behind what it read; false if
	 * that is damaged. */
	void (*put)(const struct dns_record *record, struct buf *b);
	bool (*take)(struct slice *in, struct dns_record *ret);
};

/* The row of a type; NULL: no answer to our questions contains it. */
const struct record_type *record_type(unsigned type);

/* Field i of a record, if it is there and has this type and size (0: any); else NULL. */
const ldns_rdf *record_field(const ldns_rr *rr, size_t i, ldns_rdf_type type, size_t size);

/* Read a record that was asked for.  False as parse() above. */
bool record_parse(const ldns_rr *rr, struct dns_record *ret);

/* The same record as octets of a cache entry, and back.  False without room, or if they are damaged. */
bool record_put(const struct dns_record *record, struct buf *b);
bool record_take(enum dns_type type, struct slice *in, struct dns_record *ret);

#endif
