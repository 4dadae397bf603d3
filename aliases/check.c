// SPDX-License-Identifier: ISC
/*
 * Reads all aliases files, with the lists they include, before there is mail for them.
 */
#include "aliases/check.h"

#include <errno.h>
#include <stdlib.h>

#include "aliases/expand.h"

#define ALIASES_WAYS_MAX 5000	/* names of a file */

struct checking {
	const struct config_report *report;
	unsigned errors;
	unsigned lists;
};

/* A text to check: the targets of an alias, or a list. */
struct source {
	struct alias_text targets;
	const char *file;
	uid_t owner;		/* the owner of the aliases file */
	bool list, includes;	/* the file is a list; it may include lists */
};

static void check_targets(struct checking *c, struct source source, unsigned depth);

static void
report(void *ctx, const char *file, unsigned line, const char *text)
{
	struct checking *c = ctx;

	c->errors++;
	if (c->report && c->report->error)
		c->report->error(c->report->ctx, file, line, text);
}

static void
check_list(struct checking *c, const struct alias_target *target, const struct source *from,
    unsigned depth)
{
	struct alias_list list;

	if (!from->includes) {
		report(c, from->file, target->line, ALIAS_NO_INCLUDES);
		return;
	}
	if (depth == ALIASES_DEPTH_MAX || c->lists++ >= 10 * ALIASES_LISTS_MAX)
		return;
	if (alias_list_read(&list, target->file, from->owner) < 0) {
		report(c, from->file, target->line, list.why);
		return;
	}
	check_targets(c, (struct source){ alias_text(slice_of(list.text, list.n)), list.file,
		from->owner, true, list.includes }, depth + 1);
	free(list.text);
}

/* Mistakes of an aliases file are reported already; those of a list are not. */
static void
check_targets(struct checking *c, struct source source, unsigned depth)
{
	struct alias_target target;
	struct alias_mistake m = { 0 };
	char space[300];
	int got;

	while ((got = alias_target_next(&source.targets, &target, &m)) != 0) {
		struct buf b = BUF(space);

		if (got > 0 && target.kind == ALIAS_INCLUDE) {
			check_list(c, &target, &source, depth);
		} else if (got < 0 && source.list) {
			alias_mistake_text(&m, &b);
			report(c, source.file, m.line, buf_cstr(&b));
		}
	}
}

/* Report aliases that lead to each other and to nobody.  A long file would take too long. */
static void
check_ways(struct checking *c, struct aliases *a, const struct route *route)
{
	const struct alias_set nobody = { .config = a->config };
	const struct slice domain = slice_str(route->pattern + (route->pattern[0] == '.'));
	const struct alias_table *t = aliases_table(a, route);

	for (size_t i = 0; t && t->n <= ALIASES_WAYS_MAX && i < t->n; i++) {
		const struct alias found = t->list[i];
		struct expansion x;
		struct smtp_path to;

		if (!smtp_path_parse_whole(found.name, SMTP_PATH_LISTED, &to) ||
		    !smtp_path_qualify(&to, domain))
			continue;
		if (alias_expand(a, &to, &nobody, &x) == 0 && x.end == EXPANSION_LOOP)
			report(c, t->file, found.line, x.why);
		expansion_done(&x);
	}
}

unsigned
aliases_check(const struct config *config, const struct config_report *to)
{
	struct checking c = { .report = to };
	struct aliases a;

	if (aliases_init(&a, config) < 0)
		report(&c, "aliases", 0, strerror(ENOMEM));
	for (size_t i = 0; i < a.n; i++) {
		struct alias_table *t = &a.tables[i];

		(void)alias_table_refresh(t, report, &c);
		for (size_t k = 0; k < t->n; k++)
			check_targets(&c, (struct source){ t->list[k].targets, t->file,
				t->as_of.st_uid, false, true }, 0);
	}
	for (size_t i = 0; c.errors == 0 && i < config->nroutes; i++)
		if (config->routes[i].aliases)
			check_ways(&c, &a, &config->routes[i]);
	aliases_done(&a);
	return c.errors;
}
