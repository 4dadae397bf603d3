// SPDX-License-Identifier: ISC
/*
 * Domain names as we know them: lower-case text of letters, digits, hyphens and
 * underscores, without a trailing dot.  Anything else a DNS name may hold (RFC 2181 section 11) has
 * no business in mail routing, and none in a log or a file name.
 */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include "base/slice.h"
#include "dns/resolver.h"

/* From text; one trailing dot is allowed.  False when it is no such name; the root is none. */
bool dns_name_from_text(struct slice text, char ret[DNS_NAME_MAX]);

/* From uncompressed wire form, n octets with the root's label; "" for the root.  False when it is no such name. */
bool dns_name_from_wire(const uint8_t *wire, size_t n, char ret[DNS_NAME_MAX]);

/* The same name in wire form, whatever the case of its letters? */
bool dns_name_same(const uint8_t *a, size_t na, const uint8_t *b, size_t nb);

#endif
