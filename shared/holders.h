// SPDX-License-Identifier: ISC
/*
 * The clients of a listener that have connections open, and how many.  The table has a fixed size.
 * A client whose last connection has ended stays until Redis knows it.
 */
#ifndef SHARED_HOLDERS_H
#define SHARED_HOLDERS_H

#include "strangers/strangers.h"

struct holder {
	struct strangers_key key;	/* without bits: no client */
	uint32_t open;
};

struct holders {
	struct holder *places;
	uint32_t size, n;
};

/* Use the places, which are zeros and stay the caller's.  size is a power of two. */
void holders_init(struct holders *h, struct holder *places, uint32_t size);

/* The client has now so many connections.  False if there is no room for it: it is not known
 * then. */
bool holders_set(struct holders *h, const struct strangers_key *key, uint32_t open);

/* Redis knows the number of this client: without connections it leaves the table. */
void holders_told(struct holders *h, const struct strangers_key *key);

/* The same for all clients. */
void holders_all_told(struct holders *h);

/* No client has a connection. */
void holders_clear(struct holders *h);

#endif
