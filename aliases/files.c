// SPDX-License-Identifier: ISC
/*
 * A list may include others, and itself: each file is looked at once.
 */
#include "aliases/files.h"

#include <stdlib.h>

struct search {
	void (*each)(void *ctx, const char *file);
	void *ctx;
	uid_t owner;			/* of the aliases file */
	char *found[ALIASES_FILES_MAX];
	size_t n;
};

static bool
is_new(struct search *s, struct slice file)
{
	for (size_t i = 0; i < s->n; i++)
		if (slice_eq(slice_str(s->found[i]), file))
			return false;
	if (s->n == ALIASES_FILES_MAX || !(s->found[s->n] = strndup(file.p, file.n)))
		return false;
	s->each(s->ctx, s->found[s->n++]);
	return true;
}

/* Add the lists that the targets include. */
static void
add_lists(struct search *s, struct alias_text targets)
{
	struct alias_target target;
	struct alias_mistake m;
	int got;

	while ((got = alias_target_next(&targets, &target, &m)) != 0)
		if (got > 0 && target.kind == ALIAS_INCLUDE)
			(void)is_new(s, target.file);
}

/* Add the lists that a found list includes. */
static void
add_inner(struct search *s, const char *file)
{
	struct alias_list list;

	if (alias_list_read(&list, slice_str(file), s->owner) < 0)
		return;
	if (list.includes)
		add_lists(s, alias_text(slice_of(list.text, list.n)));
	free(list.text);
}

void
aliases_files(struct aliases *a, void (*each)(void *ctx, const char *file), void *ctx)
{
	struct search s = { .each = each, .ctx = ctx };

	for (size_t i = 0; i < a->n; i++) {
		struct alias_table *t = &a->tables[i];
		size_t done;

		(void)alias_table_refresh(t, NULL, NULL);
		each(ctx, t->file);
		s.owner = t->as_of.st_uid;
		done = s.n;
		for (size_t k = 0; t->includes && k < t->n; k++)
			add_lists(&s, t->list[k].targets);
		for (; done < s.n; done++)
			add_inner(&s, s.found[done]);
	}
	while (s.n)
		free(s.found[--s.n]);
}
