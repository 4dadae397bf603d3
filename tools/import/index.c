// SPDX-License-Identifier: ISC
/*
 * A table with open places, at least half of which are free.
 */
#include "tools/import/index.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/idn.h"

struct index_entry {
	struct slice name;		/* empty: the place is free */
	size_t number;
};

void
index_done(struct index *x)
{
	free(x->entries);
	*x = (struct index){ 0 };
}

/* The place of a name, or the free one where it belongs. */
static struct index_entry *
place_of(struct index_entry *entries, size_t size, struct slice name)
{
	size_t i = idn_hash(HASH_START, name) % size;

	while (entries[i].name.n && !idn_same_address(entries[i].name, name))
		i = (i + 1) % size;
	return &entries[i];
}

static bool
make_room(struct plan *p, struct index *x)
{
	const size_t size = 2 * x->size + 64;
	struct index_entry *more;

	if (2 * x->n < x->size)
		return true;
	more = calloc(size, sizeof *more);
	if (!more) {
		p->failed = true;
		return false;
	}
	for (size_t i = 0; i < x->size; i++)
		if (x->entries[i].name.n)
			*place_of(more, size, x->entries[i].name) = x->entries[i];
	free(x->entries);
	x->entries = more;
	x->size = size;
	return true;
}

bool
index_add(struct plan *p, struct index *x, struct slice name, size_t number)
{
	struct index_entry *at;

	if (name.n == 0 || !make_room(p, x))
		return false;
	at = place_of(x->entries, x->size, name);
	if (at->name.n)
		return false;
	*at = (struct index_entry){ name, number };
	x->n++;
	return true;
}

bool
index_find(const struct index *x, struct slice name, size_t *ret_number)
{
	const struct index_entry *at;

	if (x->size == 0 || name.n == 0)
		return false;
	at = place_of(x->entries, x->size, name);
	if (at->name.n == 0)
		return false;
	*ret_number = at->number;
	return true;
}
