// SPDX-License-Identifier: ISC
/*
 * The value of [verify] dmarc-exempt: networks of clients, and domains that SPF or DKIM has to
 * prove, with blanks between them.
 */
#ifndef CONFIG_EXEMPT_H
#define CONFIG_EXEMPT_H

#include <stdbool.h>

#include "base/cidr.h"

/* Take the next word.  1 for a network, 2 for a domain, 0 at the end, -1: it is neither. */
int exempt_next(struct slice *rest, struct slice *ret_word, struct cidr *ret_net);

#endif
