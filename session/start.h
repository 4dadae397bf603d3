// SPDX-License-Identifier: ISC
/*
 * From the command line to a client.
 */
#ifndef SESSION_START_H
#define SESSION_START_H

#include "config/options.h"
#include "session/handover.h"

/* The descriptors and the manner of a session that begins. */
struct start {
	int rfd, wfd;
	int print_fd;			/* the target of --print; -1: none */
	int remark_fd;			/* for remarks to the listener; -1: none */
	int desk_fd;			/* to share counts of users (shared/tally_link.h), or -1 */
	bool tls_served;		/* the listener takes clients at STARTTLS */
	bool implicit;			/* TLS from the first octet */
	bool lf;			/* lines may end in LF alone, from the network too */
	bool resumed;			/* begun by smtp-handler, which hands it over at STARTTLS */
	struct handover handover;
};

/* Parse the command line, read the configuration, and find a client.  -1 if a client is there (a
 * listener returns this in the child); else an exit status. */
int start_find(struct start *ret, struct options *options, struct config *config, int argc,
    char **argv);

#endif
