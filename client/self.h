// SPDX-License-Identifier: ISC
/*
 * Mail that would come back: this host among the exchangers of a domain (RFC 5321 section 5.1).
 */
#ifndef CLIENT_SELF_H
#define CLIENT_SELF_H

#include "config/config.h"
#include "dns/mx.h"

/* Drop the exchangers of mx that are this host, by name or by address, and all of their preference and worse.  Where
 * none is left, mx->status is MX_OWN.  domain: whose exchangers they are. */
void self_drop(const struct config *c, struct slice domain, struct mx_list *mx);

/* The same for an exchanger that turned out to be this host only when it greeted us. */
void self_drop_from(struct mx_list *mx, const struct mx_exchanger *own, struct slice domain);

/* Is that what our own server says behind the 220? */
bool self_greeting(const struct config *c, struct slice text);

#endif
