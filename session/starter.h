// SPDX-License-Identifier: ISC
/*
 * A session that may begin TLS later is two processes.  One holds the conversation, in the sandbox
 * of every session.  The other, the starter, reads nothing of the client's.  It waits, and becomes
 * smtp-handler-tls if the session asks for that.
 */
#ifndef SESSION_STARTER_H
#define SESSION_STARTER_H

#include "config/options.h"
#include "session/start.h"

/* Fork the starter, which ends if this process ends.  0 or -errno. */
int starter_fork(const struct config *config, const struct options *options,
    const struct start *start);

/* Let the starter go on with the session in smtp-handler-tls.  This process then ends with that
 * one, and returns no more.  If that program cannot be started, -errno. */
int starter_ask(const struct handover *handover);

#endif
