// SPDX-License-Identifier: ISC
/*
 * The begin of a session, from a connected link to one that mail can go over: greeting, EHLO, TLS.  Private to the room,
 * but for --check.
 */
#ifndef CLIENT_GREET_H
#define CLIENT_GREET_H

#include "client/link.h"
#include "client/tls_policy.h"
#include "net/tls.h"

enum link_start {
	LINK_READY,
	LINK_REFUSED,			/* the reply says why */
	LINK_BROKEN,			/* *ret_why is set */
	LINK_LOGIN,			/* the same, and no other host of the route would do better */
};

/* Greet on these terms; client is kept for further links.  l->tls tells what came of TLS. */
enum link_start link_start(struct smtp_link *l, const struct tls_policy *terms, struct tls_client *client,
    struct outcome *ret_why);

/* For --check: are the authorities of [relay] to be had?  Each mistake is reported; how many. */
unsigned greet_check(const struct config *c, const struct config_report *report);

#endif
