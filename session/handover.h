// SPDX-License-Identifier: ISC
/*
 * The facts of a session that smtp-handler passes on when it becomes smtp-handler-tls: those that
 * STARTTLS does not end.  They are the argument of --resume.
 */
#ifndef SESSION_HANDOVER_H
#define SESSION_HANDOVER_H

#include "config/options.h"
#include "net/peer.h"

#define HANDOVER_MAX 1536

struct handover {
	int rfd, wfd;			/* as in the session */
	int print_fd;			/* -1: none */
	int config_fd;			/* the files of its configuration (config/texts.h) */
	struct slice client;		/* the client's address; empty: ask the socket */
	struct slice helo;		/* the client's name in EHLO; empty: none was sent */
};

void handover_format(struct buf *b, const struct handover *h);
/* False if it is none.  The slices borrow text. */
bool handover_parse(struct handover *ret, const char *text);

/* Take a word of such a text, which is a descriptor or -1.  False if it is neither. */
bool handover_fd(struct slice *text, int *ret);

/* Become `program`, with the same configuration and the arguments in rest, which NULL ends.
 * Returns only if that fails: -errno. */
int handover_exec(const char *program, const struct options *options, const char *const *rest);

#endif
