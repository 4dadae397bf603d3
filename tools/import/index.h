// SPDX-License-Identifier: ISC
/*
 * Finds a name among many: an address or a domain, in any case and form.
 */
#ifndef TOOLS_IMPORT_INDEX_H
#define TOOLS_IMPORT_INDEX_H

#include "tools/import/plan.h"

struct index {
	struct index_entry *entries;	/* memory of malloc(3) */
	size_t size, n;
};

void index_done(struct index *x);

/* Add a name, which is borrowed, with a number.  False: it is there already, or there is no
 * memory. */
bool index_add(struct plan *p, struct index *x, struct slice name, size_t number);

bool index_find(const struct index *x, struct slice name, size_t *ret_number);

#endif
