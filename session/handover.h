// SPDX-License-Identifier: ISC
/*
 * What smtp-handler tells smtp-handler-tls when it becomes that: all that is to survive STARTTLS, or is known before
 * TLS begins.  One argument of the command line, --resume.
 */
#ifndef SESSION_HANDOVER_H
#define SESSION_HANDOVER_H

#include "config/options.h"
#include "net/peer.h"

#define HANDOVER_MAX 512

struct handover {
	int rfd, wfd, print_fd;		/* as in the session; print_fd -1: none */
	struct slice client;		/* its address, where it has one; empty: ask the socket */
	struct slice helo;		/* what it has called itself in EHLO; empty: nothing yet */
};

void handover_format(struct buf *b, const struct handover *h);
/* False when it is none; slices borrow text. */
bool handover_parse(struct handover *ret, const char *text);

/* Become `program`, with the same configuration; each argument in rest, ended by NULL, is passed on.  Only
 * returns, -errno, when that cannot be. */
int handover_exec(const char *program, const struct options *options, const char *const *rest);

#endif
