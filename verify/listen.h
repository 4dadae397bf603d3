// SPDX-License-Identifier: ISC
/*
 * Sockets on which mail servers connect, and a process for each connection.  The answers of the DNS
 * that one process gets, later ones inherit.
 */
#ifndef VERIFY_LISTEN_H
#define VERIFY_LISTEN_H

#include "config/config.h"
#include "dns/cache.h"

#define VERIFY_LISTEN_MAX 16

struct verify_listener {
	int fds[VERIFY_LISTEN_MAX];
	size_t n;
	bool inherited;			/* the manager starts the next listener */
	struct dns_cache *cache;
};

/* Take the sockets of a manager (sd_listen_fds(3)).  0 or -errno. */
int verify_inherit(struct verify_listener *l);

/* Listen at unix:PATH or ADDR:PORT.  0 or -errno. */
int verify_listen(struct verify_listener *l, const char *place);

/* Accept until a signal.  An exit status; or -1 in the process of a connection, with its socket in
 * *ret_fd. */
int verify_accept(struct verify_listener *l, const struct config *config, int *ret_fd);

#endif
