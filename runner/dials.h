// SPDX-License-Identifier: ISC
/*
 * The sites that each worker uses.  A worker asks before it dials, because only its look-up in the
 * DNS shows which destinations have the same exchanger.
 */
#ifndef RUNNER_DIALS_H
#define RUNNER_DIALS_H

#include <stddef.h>
#include <stdint.h>

struct runner;
struct worker;

/* A new worker will use the site of its destination, if that is known. */
void dials_reserve(struct runner *r, struct worker *w);
/* The worker is about to dial these sites, in place of all that it had.  Bit i: it may dial
 * sites[i].  0: none has room, and its destination now waits for that. */
uint32_t dials_allow(struct runner *r, struct worker *w, const uint64_t *sites, size_t n);
/* The worker is connected to this site alone. */
void dials_settle(struct runner *r, struct worker *w, uint64_t site);
/* The worker uses no site any more. */
void dials_drop(struct runner *r, struct worker *w);

#endif
