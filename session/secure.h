// SPDX-License-Identifier: ISC
/*
 * TLS, as the main sees it.  There are two of these: smtp-handler has secure_exec.c and becomes another program where
 * TLS begins; that one, smtp-handler-tls, has secure_tls.c.  As a part of the main they log.
 */
#ifndef SESSION_SECURE_H
#define SESSION_SECURE_H

#include "net/tls.h"
#include "session/handover.h"
#include "smtp/server.h"

/* Is this the program that can do TLS? */
bool secure_here(void);

/* Go on as the program that can do it, with the same arguments.  0 where this is it; or -errno with what is wrong in why. */
int secure_become(const struct config *config, char **argv, struct buf *why);

/* For --check, after secure_become(): are the certificates and keys good?  Each mistake is reported; how many. */
unsigned secure_check(const struct config *config, const struct config_report *report);

/* What to make of STARTTLS in a session that begins. */
enum server_starttls secure_offer(const struct config *config);

/* Be ready for a handshake: SMTP_ACCEPT, or SMTP_REFUSE_TLS.  Or not come back, when the session goes on elsewhere. */
enum smtp_verdict secure_prepare(const struct config *config, const struct options *options,
    const struct handover *handover);

/* The handshake, after secure_prepare().  0 or -errno: then nothing can be said to the client any more. */
int secure_begin(struct stream *s, const struct peer *peer, int timeout_ms, struct tls_facts *ret);

/* Nothing more will be sent. */
void secure_end(void);

#endif
