// SPDX-License-Identifier: ISC
/*
 * [server] masquerade: a file with the addresses that senders of this host have elsewhere.
 */
#ifndef SESSION_MASQUERADE_H
#define SESSION_MASQUERADE_H

#include "config/config.h"
#include "smtp/address.h"

/* Find the address that stands for another one.  hostname is the name that this session has, also
 * if none is configured.  1, 0: none does, or -errno: the file cannot be read. */
int masquerade_find(const struct config *c, struct slice hostname, const struct smtp_path *address,
    struct smtp_path *ret);

/* Report each line that is none.  Their number. */
unsigned masquerade_check(const struct config *c, const struct config_report *report);

#endif
