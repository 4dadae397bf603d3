// SPDX-License-Identifier: ISC
/*
 * The start of a session, from a connected link to one that mail can go over: greeting, EHLO, TLS.
 */
#ifndef CLIENT_GREET_H
#define CLIENT_GREET_H

#include "client/link.h"
#include "client/tls_policy.h"
#include "net/tls.h"

enum greet_result {
	GREET_READY,
	GREET_REFUSED,			/* the reply has the reason */
	GREET_NO_SERVICE,		/* the same: no mail is taken here, ever (RFC 7504) */
	GREET_BROKEN,			/* *ret_why is set */
	GREET_LOGIN,			/* *ret_why is set, for all hosts of the route */
};

/* Begin a session as the policy demands; client is kept for further links.  l->tls has the words
 * for the TLS that came of it.  The sink has tickets; NULL: there are none. */
enum greet_result greet_link(struct smtp_link *l, const struct tls_policy *policy,
    struct tls_client *client, const struct attempt_sink *sink, struct outcome *ret_why);

/* For --check: can the authorities of [relay] be read?  Each mistake is reported; their number. */
unsigned greet_check(const struct config *c, const struct config_report *report);

#endif
