// SPDX-License-Identifier: ISC
/*
 * Rings: destinations that wait for the same thing.  The members of the highest level come first,
 * and members of one level take turns.  Each step costs the same, however many members there are.
 */
#ifndef RUNNER_RING_H
#define RUNNER_RING_H

#include <stdint.h>

#define RING_LEVELS 64

struct destination;
struct ring;

/* The place of one destination. */
struct ring_node {
	struct destination *destination;
	struct ring *ring;		/* NULL: in none */
	unsigned level;
	struct ring_node *next, *previous;	/* of the same level */
};

struct ring {
	uint64_t levels;		/* bit i: level i has members */
	struct ring_node *fronts[RING_LEVELS];
};

/* Put a node that is in no ring at the end of a level. */
void ring_insert(struct ring *r, struct ring_node *node, unsigned level);
/* Take a node out of its ring, if it is in one. */
void ring_remove(struct ring_node *node);
/* The front of the highest level below this one; NULL: there is none. */
struct ring_node *ring_front(const struct ring *r, unsigned below);
/* The node becomes the last of its level; it must be the front. */
void ring_turn(struct ring_node *node);

#endif
