// SPDX-License-Identifier: ISC
/*
 * Entries of aliases that run programs or write files are refused by our programs, so they are
 * taken out of a copy.
 */
#include "tools/import/local.h"

#include <stdlib.h>

#include "aliases/text.h"
#include "base/hash.h"
#include "base/idn.h"
#include "base/name.h"
#include "tools/import/text.h"

#define USUAL "Maildir"

static void
note_mistake(struct import *im, struct plan_at at, const struct alias_mistake *m)
{
	at.line = m->line;
	plan_note(im->plan, at, "this alias is left out: %.*s: %s",
	    (int)(m->what.n < 80 ? m->what.n : 80), m->what.p, m->why);
}

/* Is it a target that our programs can use? */
static bool
is_usable(struct import *im, struct plan_at at, const struct alias_target *t)
{
	struct slice ignored;

	if (t->kind != ALIAS_INCLUDE || im->read(im, plan_copy(im->plan, t->file), &ignored))
		return true;
	at.line = t->line;
	plan_note(im->plan, at, "this list is left out: %.*s cannot be read",
	    (int)(t->file.n < 200 ? t->file.n : 200), t->file.p);
	return false;
}

static void
print_target(FILE *out, const struct alias_target *t)
{
	if (t->kind == ALIAS_INCLUDE)
		(void)fprintf(out, ":include:%.*s", (int)t->file.n, t->file.p);
	else if (t->kind == ALIAS_NOTHING)
		(void)fputs("/dev/null", out);
	else
		(void)fprintf(out, "%s%.*s", t->kind == ALIAS_FINAL ? "\\" : "", (int)t->path.n,
		    t->path.text);
}

/* Print the entry without its mistakes.  False if it has some. */
static bool
print_entry(struct import *im, struct plan_at at, const struct alias_entry *e, FILE *out)
{
	struct alias_text targets = e->targets;
	struct alias_target t;
	struct alias_mistake m = { 0 };
	bool good = true;
	size_t n = 0;
	int got;

	while ((got = alias_target_next(&targets, &t, &m)) != 0) {
		if (got < 0)
			note_mistake(im, at, &m);
		if (got < 0 || !is_usable(im, at, &t)) {
			good = false;
			continue;
		}
		if (n++ == 0)
			(void)fprintf(out, "%.*s: ", (int)e->raw.n, e->raw.p);
		else
			(void)fputs(", ", out);
		print_target(out, &t);
	}
	if (n)
		(void)fputc('\n', out);
	else if (good)
		note_mistake(im, at, &(struct alias_mistake){ e->line, e->raw,
		    "there is no address behind the colon" });
	return good && n > 0;
}

/* The names of an aliases file, of which each may stand once. */
struct names {
	struct slice *list;
	size_t size, n;
};

static bool
add_name(struct names *names, struct slice name)
{
	size_t i = idn_hash(HASH_START, name) % names->size;

	while (names->list[i].n && !idn_same_address(names->list[i], name))
		i = (i + 1) % names->size;
	if (names->list[i].n)
		return false;
	names->list[i] = name;
	return true;
}

/* Print the text without mistakes.  False if it has some. */
static bool
print_clean(struct import *im, struct plan_at at, struct slice text, struct names *names, FILE *out)
{
	struct alias_text rest = alias_text(text);
	struct alias_entry e;
	struct alias_mistake m = { 0 };
	bool good = true;
	int got;

	while ((got = alias_next(&rest, &e, &m)) != 0) {
		struct slice name = got < 0 ? SL("") :
		    slice_str(plan_copy(im->plan, slice_of(e.name.text, e.name.n)));

		if (got > 0 && ++names->n * 2 < names->size && add_name(names, name)) {
			good &= print_entry(im, at, &e, out);
			continue;
		}
		if (got > 0)
			m = (struct alias_mistake){ e.line, e.raw,
			    "a line above has addresses of this name, or there are too many" };
		note_mistake(im, at, &m);
		good = false;
	}
	return good;
}

/* The text without mistakes; NULL if there is nothing in it.  *ret_good: it is the same text. */
static const char *
clean_text(struct import *im, struct plan_at at, struct slice text, bool *ret_good)
{
	struct names names = { .size = 2 * text.n + 64 };
	const char *result = NULL;
	char *space = NULL;
	size_t n = 0;
	FILE *out;

	names.list = calloc(names.size, sizeof *names.list);
	out = names.list ? open_memstream(&space, &n) : NULL;
	if (!out) {
		im->plan->failed = true;
		free(names.list);
		return NULL;
	}
	*ret_good = print_clean(im, at, text, &names, out);
	if (fclose(out) == 0 && n > 0)
		result = plan_copy(im->plan, slice_of(space, n));
	free(space);
	free(names.list);
	return result;
}

static const char *
add_copy(struct import *im, const char *text, struct plan_at at)
{
	const struct plan_file file = { .kind = PLAN_TEXT, .content = text, .at = at };

	return plan_add_file(im->plan, "host", "aliases", &file);
}

const char *
local_aliases(struct import *im, const char *path, struct plan_at at)
{
	struct slice text;
	const char *copy;
	bool good = false;

	if (!im->read(im, path, &text)) {
		plan_note(im->plan, at, "there is no %.200s, so there are no aliases", path);
		return NULL;
	}
	copy = clean_text(im, (struct plan_at){ path, 0 }, text, &good);
	if (!copy)
		return NULL;
	if (good && path[0] == '/')
		return path;
	return add_copy(im, copy, at);
}

const char *
local_aliases_text(struct import *im, struct slice text, struct plan_at at)
{
	bool good = false;
	const char *copy = clean_text(im, at, text, &good);

	return copy ? add_copy(im, copy, at) : NULL;
}

const char *
local_users_to(struct import *im, const char *addresses, unsigned below)
{
	struct slice text, line;
	struct text_lines lines;
	const char *list = "", *root = plan_text(im->plan, "root: %s\n", addresses);
	char *space = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&space, &n);

	if (!out) {
		im->plan->failed = true;
		return root;
	}
	(void)fputs(root, out);
	lines = text_lines(im->read(im, "/etc/passwd", &text) ? text : SL(""));
	while (text_next(&lines, &line)) {
		struct slice rest, name = slice_cut(line, ':', &rest);
		uint64_t uid;

		(void)slice_cut(rest, ':', &rest);
		if (slice_uint(slice_cut(rest, ':', &rest), below - 1, &uid) && uid > 0)
			(void)fprintf(out, "%.*s: %s\n", (int)name.n, name.p, addresses);
	}
	if (fclose(out) == 0)
		list = plan_copy(im->plan, slice_of(space, n));
	free(space);
	return list;
}

/* Has this file, or the one of the plan, an alias root? */
static bool
has_root(struct import *im, const char *path)
{
	struct slice text = SL(""), line, rest;
	struct text_lines lines;

	for (size_t i = 0; i < im->plan->nfiles; i++)
		if (strcmp(im->plan->files[i].path, path) == 0)
			text = slice_str(im->plan->files[i].content);
	if (text.n == 0 && !im->read(im, path, &text))
		return false;
	lines = text_lines(text);
	while (text_next(&lines, &line))
		if (slice_ieq(slice_trim(slice_cut(line, ':', &rest)), SL("root")))
			return true;
	return false;
}

void
local_domain(struct import *im, const char *domain, const char *folder, const char *aliases,
    struct plan_at at)
{
	const char *section = plan_text(im->plan, "route %s", domain);

	if (plan_get(im->plan, section, "via"))
		return;
	/* Without a route the mail of users would go to another host. */
	if (!plan_set(im->plan, section, "via", at, "maildir:~/%s", folder) &&
	    (strcmp(folder, USUAL) == 0 ||
	    !plan_set(im->plan, section, "via", at, "maildir:~/" USUAL)))
		return;
	(void)plan_set(im->plan, section, "recipients", at, "users");
	if (aliases)
		(void)plan_set(im->plan, section, "aliases", at, "%s", aliases);
	plan_note(im->plan, (struct plan_at){ at.file, 0 },
	    "mail of users goes into Maildirs: type  "
	    "systemctl enable --now smtp-maildir.socket smtp-users.socket");
	if (!aliases || !has_root(im, aliases))
		plan_note(im->plan, (struct plan_at){ at.file, 0 },
		    "mail for root is refused, as users of the system have no mailbox: write a "
		    "line  root: USER  into a file, and name it by aliases in the [route]s");
}

const char *
local_name(struct import *im)
{
	static const char *const files[] = { "/etc/mailname", "/etc/hostname" };

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		const char *name = text_first_line(im, files[i]);

		if (name && name_is_fqdn(slice_str(name)))
			return name;
	}
	return NULL;
}

void
local_hostname(struct import *im, const char *name, struct plan_at at)
{
	(void)plan_set(im->plan, "server", "hostname", at, "%s", name);
}
