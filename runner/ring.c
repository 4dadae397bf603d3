// SPDX-License-Identifier: ISC
/*
 * A circular list for each level, and a bit for each level that has members.
 */
#include "runner/ring.h"

#include <stddef.h>

void
ring_insert(struct ring *r, struct ring_node *node, unsigned level)
{
	struct ring_node **front = &r->fronts[level];

	node->ring = r;
	node->level = level;
	r->levels |= UINT64_C(1) << level;
	if (!*front) {
		node->next = node->previous = node;
		*front = node;
		return;
	}
	node->next = *front;
	node->previous = (*front)->previous;
	node->previous->next = node;
	node->next->previous = node;
}

void
ring_remove(struct ring_node *node)
{
	struct ring *r = node->ring;
	struct ring_node **front;

	if (!r)
		return;
	front = &r->fronts[node->level];
	if (node->next == node) {
		*front = NULL;
		r->levels &= ~(UINT64_C(1) << node->level);
	} else {
		node->previous->next = node->next;
		node->next->previous = node->previous;
		if (*front == node)
			*front = node->next;
	}
	node->ring = NULL;
	node->next = node->previous = NULL;
}

struct ring_node *
ring_front(const struct ring *r, unsigned below)
{
	const uint64_t all = below < RING_LEVELS ? (UINT64_C(1) << below) - 1 : UINT64_MAX;
	const uint64_t levels = r->levels & all;

	return levels ? r->fronts[63 - __builtin_clzll(levels)] : NULL;
}

void
ring_turn(struct ring_node *node)
{
	node->ring->fronts[node->level] = node->next;
}
