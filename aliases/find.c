// SPDX-License-Identifier: ISC
/*
 * From addresses to aliases.  One search costs a stat(2) and a look into a hash table, so that it
 * can be done for each recipient.
 */
#include "aliases/find.h"

#include <errno.h>
#include <stdlib.h>

#include "smtp/verp.h"

int
aliases_init(struct aliases *a, const struct config *c)
{
	*a = (struct aliases){ .config = c };
	for (size_t i = 0; i < c->nroutes; i++)
		a->n += c->routes[i].aliases != NULL;
	if (a->n == 0)
		return 0;
	a->tables = calloc(a->n, sizeof *a->tables);
	if (!a->tables) {
		a->n = 0;
		return -ENOMEM;
	}
	a->n = 0;
	for (size_t i = 0; i < c->nroutes; i++) {
		size_t k = 0;

		if (!c->routes[i].aliases)
			continue;
		while (k < a->n && strcmp(a->tables[k].file, c->routes[i].aliases) != 0)
			k++;
		if (k == a->n)
			a->tables[a->n++].file = c->routes[i].aliases;
	}
	return 0;
}

void
aliases_done(struct aliases *a)
{
	for (size_t i = 0; i < a->n; i++)
		alias_table_done(&a->tables[i]);
	free(a->tables);
	*a = (struct aliases){ 0 };
}

void
aliases_refresh(struct aliases *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->tables[i].buckets)
			(void)alias_table_refresh(&a->tables[i], NULL, NULL);
}

struct alias_table *
aliases_table(const struct aliases *a, const struct route *route)
{
	for (size_t i = 0; route->aliases && i < a->n; i++)
		if (strcmp(a->tables[i].file, route->aliases) == 0)
			return &a->tables[i];
	return NULL;
}

static struct alias *
find_any(const struct alias_table *t, const struct smtp_path *to, char delimiter)
{
	struct smtp_path names[SMTP_NAMES_MAX];
	const size_t n = smtp_path_names(to, delimiter, names);
	struct alias *found = NULL;

	for (size_t i = 0; !found && i < n; i++)
		found = alias_table_find(t, smtp_path_text(&names[i]));
	return found;
}

/* The alias of root, at the same domain. */
static struct alias *
find_root(const struct alias_table *t, struct slice domain)
{
	struct smtp_path root;

	if (!smtp_path_parse_whole(SL("root"), SMTP_PATH_LISTED, &root) ||
	    !smtp_path_qualify(&root, domain))
		return NULL;
	return find_any(t, &root, '\0');
}

int
aliases_find(struct aliases *a, const struct smtp_path *to, bool refresh, struct alias_hit *ret)
{
	const struct route *route;
	struct smtp_path owner;
	int r;

	*ret = (struct alias_hit){ .domain = smtp_path_domain(to) };
	if (a->n == 0)
		return 0;
	route = ret->domain.n ? config_route(a->config, ret->domain) :
	    config_postmaster(a->config, &ret->domain);
	ret->table = aliases_table(a, route);
	if (!ret->table)
		return 0;
	if (refresh || !ret->table->buckets)
		r = alias_table_refresh(ret->table, NULL, NULL);
	else
		r = ret->table->why[0] ? -EINVAL : 0;
	if (r < 0)
		return r;
	ret->alias = find_any(ret->table, to, route->subaddress);
	if (!ret->alias && route->verp && smtp_verp_owner(to, &owner))
		ret->alias = find_any(ret->table, &owner, '\0');
	if (!ret->alias &&
	    slice_ieq(smtp_local_user(smtp_path_local(to), route->subaddress), SL("postmaster")))
		ret->alias = find_root(ret->table, ret->domain);
	return ret->alias != NULL;
}

bool
aliases_owner(const struct alias_hit *hit, struct smtp_path *ret)
{
	char space[sizeof ret->text + 8];
	struct buf b = BUF(space);
	struct smtp_path owner;

	buf_str(&b, "owner-");
	buf_add(&b, hit->alias->name);
	if (!smtp_path_parse_whole(buf_slice(&b), SMTP_PATH_LISTED, &owner) ||
	    !find_any(hit->table, &owner, '\0') || !smtp_path_qualify(&owner, hit->domain))
		return false;
	*ret = owner;
	return true;
}
