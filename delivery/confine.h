// SPDX-License-Identifier: ISC
/*
 * The walls of a worker: each way has the files and the system calls that it needs, and no others.
 */
#ifndef DELIVERY_CONFINE_H
#define DELIVERY_CONFINE_H

#include "attempt/attempt.h"

/* Find, before the fork, what each worker of this way would have to find itself. */
void delivery_confine_prepare(const struct route *route, const struct config *c,
    const struct queue *q);

/* Get for the context of the attempts, and for its resolver, what the worker could not get behind
 * its walls.  Then put them up, for good.  An old kernel, or a build with sanitizers, lacks one or
 * both: the worker then delivers without.  Descriptors that are open already stay usable.  0, or
 * -errno if the worker could not deliver. */
int delivery_confine(struct delivery *d, struct dns_resolver *resolver);

#endif
