// SPDX-License-Identifier: ISC
/*
 * Replies that have failed, with a reason as text (RFC 8914).  Pure.
 */
#ifndef DNS_REASON_H
#define DNS_REASON_H

#include "dns/wire.h"

#define REASON_REPLY_MAX (WIRE_QUERY_MAX + 32 + DNS_WHY_MAX)

enum reason_code {
	REASON_NONE = -1,
	REASON_OTHER = 0,
	REASON_BOGUS = 6,
	REASON_SILENT = 22,		/* no server has answered */
};

/* Make a reply to the question in the first n octets of a query, without records.  Returns its
 * length. */
size_t reason_put(const uint8_t *query, size_t n, enum wire_rcode rcode, enum reason_code code,
    const char *why, uint8_t ret[REASON_REPLY_MAX]);

/* Read the reason in a reply, as one line.  REASON_NONE if it has none. */
int reason_get(const uint8_t *packet, size_t n, char ret[DNS_WHY_MAX]);

#endif
