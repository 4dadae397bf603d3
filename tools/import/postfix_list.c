// SPDX-License-Identifier: ISC
/*
 * A list has domains, tables whose keys are domains, and files with more words.
 */
#include "tools/import/postfix_list.h"

#include <stdlib.h>

#include "tools/import/postfix_host.h"

struct postfix_list
postfix_list(const struct maincf *m, const char *name)
{
	/* The defaults are the tables themselves. */
	static const char *const tables[][2] = {
		{ "virtual_alias_domains", "virtual_alias_maps" },
		{ "virtual_mailbox_domains", "virtual_mailbox_maps" },
	};
	const char *from = name;

	for (size_t i = 0; i < 2; i++)
		if (strcmp(name, tables[i][0]) == 0 && !maincf_has(m, name))
			from = tables[i][1];
	if (from == name && maincf_is_unknown(m, from))
		plan_stop(m->im->plan, maincf_at(m, from), "%s: its value is unknown: write a "
		    "[route] for each of its domains", from);
	return (struct postfix_list){ .m = m, .rest = slice_str(maincf_get(m, from)),
		.at = maincf_at(m, from), .words = SL(""), .implied = from != name,
		.advice = strcmp(name, "virtual_mailbox_domains") == 0 ? ".  Each needs "
		"via = lmtp:SOCKET for a server of mailboxes or via = maildir:PATH, and "
		"recipients = FILE with its names" : "" };
}

/* Begin with a table or a file.  False: it cannot be read. */
static bool
enter(struct postfix_list *l, struct slice word)
{
	struct import *im = l->m->im;
	struct slice text;

	l->keys = word.p[0] != '/';
	if (l->keys)
		return maincf_table_open(l->m, word, l->at, &l->table);
	if (!im->read(im, plan_copy(im->plan, word), &text))
		return false;
	l->table = maincf_table_of(plan_copy(im->plan, word), text);
	return true;
}

/* The next domain of a table or a file.  False at its end. */
static bool
next_inside(struct postfix_list *l, struct slice *ret, struct plan_at *ret_at)
{
	struct maincf_line line;

	for (;;) {
		*ret = maincf_word(&l->words);
		*ret_at = l->line;
		if (ret->n)
			return true;
		if (!maincf_table_next(l->m, &l->table, &line))
			return false;
		l->line = (struct plan_at){ line.file, line.line };
		l->words = line.name;
		if (l->keys && (memchr(line.name.p, '@', line.name.n) ||
		    (l->implied && !memchr(line.name.p, '.', line.name.n))))
			l->words = SL("");	/* an address, or a local part */
		else if (!l->keys && line.value.n)
			l->words = slice_of(line.name.p,
			    (size_t)(line.value.p + line.value.n - line.name.p));
	}
}

bool
postfix_list_next(struct postfix_list *l, struct slice *ret, struct plan_at *ret_at)
{
	struct plan *p = l->m->im->plan;

	for (;;) {
		if (l->inside && next_inside(l, ret, ret_at))
			return true;
		l->inside = false;
		*ret = maincf_map(&l->rest);
		*ret_at = l->at;
		if (ret->n == 0)
			return false;
		if (!postfix_host_is_no_domain(*ret))
			return true;
		l->inside = ret->p[0] != '!' && ret->p[0] != '*' && enter(l, *ret);
		if (ret->p[0] == '!')
			plan_untranslated(p, l->at, *ret, POSTFIX_HOST_DOMAINS);
		else if (!l->inside && !l->implied)
			plan_stop(p, l->at, "%.*s: is not translated: " POSTFIX_HOST_DOMAINS
			    "%s", (int)(ret->n < 60 ? ret->n : 60), ret->p, l->advice);
	}
}

bool
postfix_list_has(const struct maincf *m, const char *const *names, struct slice domain)
{
	struct slice word;
	struct plan_at at;

	for (; *names; names++) {
		struct postfix_list l = postfix_list(m, *names);

		while (postfix_list_next(&l, &word, &at))
			if (slice_ieq(word, domain))
				return true;
	}
	return false;
}

bool
postfix_list_has_class(const struct maincf *m, const char *classes, const char *class)
{
	struct slice list, word;

	if (!classes || !maincf_has(m, classes) || maincf_is_unknown(m, classes))
		return true;
	list = slice_str(maincf_get(m, classes));
	while ((word = maincf_word(&list)).n)
		if (slice_eq(word, slice_str(class)))
			return true;
	return false;
}

bool
postfix_list_has_parents(const struct maincf *m)
{
	static const char name[] = "parent_domain_matches_subdomains";
	struct slice list = slice_str(maincf_get(m, name)), word;

	while ((word = maincf_word(&list)).n)
		if (slice_eq(word, SL("relay_domains")))
			return true;
	return !maincf_has(m, name);
}

static void
add_row(struct plan *p, struct postfix_rows *rows, const struct maincf_line *line)
{
	struct maincf_line *more = rows->list;

	if (rows->n == rows->size) {
		rows->size = 2 * rows->size + 64;
		more = reallocarray(rows->list, rows->size, sizeof *more);
	}
	if (!more) {
		p->failed = true;
		rows->size = rows->n;
		return;
	}
	rows->list = more;
	rows->list[rows->n++] = *line;
}

void
postfix_rows_read(const struct maincf *m, const char *name, struct postfix_rows *rows)
{
	struct slice maps = slice_str(maincf_get(m, name)), map;
	struct maincf_table table;
	struct maincf_line line;

	if (maincf_is_unknown(m, name))
		rows->lacking = name;
	while ((map = maincf_map(&maps)).n) {
		if (slice_has_prefix(map, SL("static:"))) {
			rows->all = true;
			continue;
		}
		if (!maincf_table_open(m, map, maincf_at(m, name), &table)) {
			rows->lacking = name;
			continue;
		}
		while (!m->im->plan->failed && maincf_table_next(m, &table, &line))
			add_row(m->im->plan, rows, &line);
	}
}

void
postfix_rows_done(struct postfix_rows *rows)
{
	free(rows->list);
	*rows = (struct postfix_rows){ 0 };
}

const struct maincf_line *
postfix_rows_find(const struct postfix_rows *rows, struct slice key)
{
	for (size_t i = 0; i < rows->n; i++)
		if (slice_ieq(rows->list[i].name, key))
			return &rows->list[i];
	return NULL;
}
