// SPDX-License-Identifier: ISC
/*
 * The value of [verify] dnsbl: lists of addresses in the DNS, with blanks between them, each with
 * the answers that mean "listed".
 */
#ifndef CONFIG_DNSBL_H
#define CONFIG_DNSBL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define DNSBL_MAX	8	/* lists */
#define DNSBL_CODES_MAX 16	/* ranges of one list */

struct dnsbl {
	struct slice zone;
	struct dnsbl_range {
		uint32_t first, last;	/* addresses as numbers */
	} codes[DNSBL_CODES_MAX];
	size_t ncodes;
};

/* Take the next list: ZONE, or ZONE=CODE,CODE-CODE; the zone is borrowed.  1; 0 at the end; -1 with
 * the word in ret->zone. */
int dnsbl_next(struct slice *rest, struct dnsbl *ret);

#endif
