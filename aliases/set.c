// SPDX-License-Identifier: ISC
/*
 * A hash table of addresses, with open addressing.
 */
#include "aliases/set.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

/* Does the route end at mailboxes of this machine? */
static bool
is_ours(const struct route *route)
{
	return route->aliases || route->recipients || way_of(route->via)->folds_case;
}

static void
make_key(const struct alias_set *s, const struct smtp_path *path, char key[sizeof path->text])
{
	const struct slice domain = smtp_path_domain(path);
	const bool ours = domain.n == 0 || is_ours(config_route(s->config, domain));

	for (size_t i = 0; i <= path->n; i++)
		key[i] = ours || i > path->local_n ? ascii_lower(path->text[i]) : path->text[i];
}

/* The place of the key, free if the key is not there. */
static char **
place(char **keys, size_t room, const char *key)
{
	size_t i = hash_slice(HASH_START, slice_str(key)) & (room - 1);

	while (keys[i] && strcmp(keys[i], key) != 0)
		i = (i + 1) & (room - 1);
	return &keys[i];
}

static int
grow(struct alias_set *s)
{
	const size_t room = s->room ? 2 * s->room : 64;
	char **keys = calloc(room, sizeof(char *));

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < s->room; i++)
		if (s->keys[i])
			*place(keys, room, s->keys[i]) = s->keys[i];
	free(s->keys);
	s->keys = keys;
	s->room = room;
	return 0;
}

int
alias_set_add(struct alias_set *s, const struct smtp_path *path)
{
	char key[sizeof path->text] = "", **at;

	if (2 * s->n >= s->room && grow(s) < 0)
		return -ENOMEM;
	make_key(s, path, key);
	at = place(s->keys, s->room, key);
	if (*at)
		return 0;
	*at = strdup(key);
	if (!*at)
		return -ENOMEM;
	s->n++;
	return 1;
}

bool
alias_set_has(const struct alias_set *s, const struct smtp_path *path)
{
	char key[sizeof path->text] = "";

	if (s->n == 0)
		return false;
	make_key(s, path, key);
	return *place(s->keys, s->room, key) != NULL;
}

void
alias_set_done(struct alias_set *s)
{
	for (size_t i = 0; i < s->room; i++)
		free(s->keys[i]);
	free(s->keys);
	*s = (struct alias_set){ .config = s->config };
}
