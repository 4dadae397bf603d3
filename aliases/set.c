// SPDX-License-Identifier: ISC
/*
 * A hash table of addresses, with open addressing.
 */
#include "aliases/set.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/idn.h"

/* An address with its domain in canonical form. */
#define KEY_MAX (SMTP_LOCAL_MAX + 1 + IDN_MAX + 1)

/* Does the route end at mailboxes of this machine? */
static bool
is_ours(const struct route *route)
{
	return route->aliases || route_lists(route) || way_of(route->via)->folds_case;
}

static void
make_key(const struct alias_set *s, const struct smtp_path *path, char key[KEY_MAX])
{
	struct idn_name space;
	const struct slice domain = idn_canonical(smtp_path_domain(path), &space);
	const bool ours = domain.n == 0 || is_ours(config_route(s->config, domain));
	struct buf b = { .p = key, .cap = KEY_MAX };

	for (size_t i = 0; i < path->local_n; i++)
		buf_chr(&b, ours ? ascii_lower(path->text[i]) : path->text[i]);
	if (domain.n)
		buf_chr(&b, '@');
	buf_add(&b, domain);
	(void)buf_cstr(&b);
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
	char key[KEY_MAX] = "", **at;

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
	char key[KEY_MAX] = "";

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
