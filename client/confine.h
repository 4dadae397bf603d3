// SPDX-License-Identifier: ISC
/*
 * The needs of a process that delivers over links, for its walls (base/landlock, base/seccomp).
 */
#ifndef CLIENT_CONFINE_H
#define CLIENT_CONFINE_H

#include "attempt/attempt.h"
#include "base/landlock.h"
#include "base/seccomp.h"

/* Find, before the fork, the places of the authorities: each process would have to find them. */
void client_confine_prepare(const struct config *c, const struct queue *q);

/* Get what a process could not get behind its walls: the names of /etc/hosts into resolver, a
 * process with the secret into d->aide, and one that signs into d->signer.  0 or -errno. */
int client_confine_begin(struct delivery *d, struct dns_resolver *resolver);

/* Allow sockets to hosts, by the port of the route and those of the resolver, or to the socket of
 * the route, and the certificates of authorities. */
void client_confine(const struct delivery *d, const struct dns_resolver *resolver,
    struct landlock *l, struct seccomp *f);

#endif
