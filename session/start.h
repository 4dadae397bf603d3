// SPDX-License-Identifier: ISC
/*
 * From the command line to a client: what was asked for, and where the session is to be held.  As a part of the main
 * it logs.
 */
#ifndef SESSION_START_H
#define SESSION_START_H

#include "config/options.h"
#include "session/handover.h"

/* Where and how a session begins. */
struct start {
	int rfd, wfd;
	int print_fd;			/* --print: where to; -1 */
	bool implicit;			/* TLS from the first octet */
	bool lf;			/* lines may end in LF alone, from the network too */
	bool resumed;			/* at STARTTLS, by smtp-handler, as */
	struct handover handover;
};

/* Parse, configure, and wait for a client where we listen.  -1 with a client (of a listener: in a fresh process), or an
 * exit status. */
int start_find(struct start *ret, struct options *options, struct config *config, int argc, char **argv);

#endif
