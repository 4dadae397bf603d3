// SPDX-License-Identifier: ISC
/*
 * Mail that would come back: this machine among the exchangers of a domain (RFC 5321 section 5.1).
 */
#ifndef CLIENT_SELF_H
#define CLIENT_SELF_H

#include "config/config.h"
#include "dns/mx.h"

/* Drop the exchangers of domain that are this machine, by name or by address, or that have an
 * address of no other host, such as a loopback address; and all of the same or worse preference.
 * If none is left, mx->status is MX_OWN. */
void self_drop(const struct config *c, struct slice domain, struct mx_list *mx);

/* Drop an exchanger whose greeting was our own, and all exchangers of the same or worse
 * preference. */
void self_drop_from(struct mx_list *mx, const struct mx_exchanger *own, struct slice domain);

/* Is this the text that our own server sends after 220? */
bool self_greeting(const struct config *c, struct slice text);

#endif
