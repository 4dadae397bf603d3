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

enum greet_result {
	GREET_READY,
	GREET_REFUSED,			/* the reply says why */
	GREET_BROKEN,			/* *ret_why is set */
	GREET_LOGIN,			/* the same, and no other host of the route would do better */
};

/* Greet on these policy; client is kept for further links.  l->tls tells what came of TLS. */
enum greet_result greet_link(struct smtp_link *l, const struct tls_policy *policy, struct tls_client *client,
    struct outcome *ret_why);

/* For --check: are the authorities of [relay] to be had?  Each mistake is reported; how many. */
unsigned greet_check(const struct config *c, const struct config_report *report);

#endif
