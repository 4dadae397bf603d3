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

/* The names of an aliases file, of which each may stand once. */
struct names {
	struct slice *list;
	size_t size, n;
};

struct local_text {
	struct import *im;
	struct names names;
	FILE *out;
	char *space;
	size_t n;
	bool good;		/* no mistake was left out, and nothing changed */
};

/* A text to read, and where its lines are. */
struct source {
	struct plan_at at;
	bool one_place;		/* the text is of one line of the other program */
	const char *origin;	/* the domain of a local part; NULL: the same domain */
};

static void
note_mistake(struct import *im, const struct source *s, const struct alias_mistake *m)
{
	struct plan_at at = s->at;

	if (!s->one_place)
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

/* A local part that belongs to another domain than its alias gets that domain. */
static void
print_target(FILE *out, const struct alias_target *t, const char *origin)
{
	if (t->kind == ALIAS_INCLUDE)
		(void)fprintf(out, ":include:%.*s", (int)t->file.n, t->file.p);
	else if (t->kind == ALIAS_NOTHING)
		(void)fputs("/dev/null", out);
	else
		(void)fprintf(out, "%s%.*s%s%s", t->kind == ALIAS_FINAL ? "\\" : "",
		    (int)t->path.n, t->path.text,
		    origin && t->path.n == t->path.local_n ? "@" : "",
		    origin && t->path.n == t->path.local_n ? origin : "");
}

/* Print the entry without its mistakes.  False if it has some. */
static bool
print_entry(struct import *im, const struct source *s, const struct alias_entry *e, FILE *out)
{
	struct alias_text targets = e->targets;
	struct alias_target t;
	struct alias_mistake m = { 0 };
	bool good = true;
	size_t n = 0;
	int got;

	while ((got = alias_target_next(&targets, &t, &m)) != 0) {
		if (got < 0)
			note_mistake(im, s, &m);
		if (got < 0 || !is_usable(im, s->at, &t)) {
			good = false;
			continue;
		}
		if (n++ == 0)
			(void)fprintf(out, "%.*s: ", (int)e->raw.n, e->raw.p);
		else
			(void)fputs(", ", out);
		print_target(out, &t, s->origin);
	}
	if (n)
		(void)fputc('\n', out);
	else if (good)
		note_mistake(im, s, &(struct alias_mistake){ e->line, e->raw,
		    "there is no address behind the colon" });
	return good && n > 0;
}

static struct slice *
place_of(struct slice *list, size_t size, struct slice name)
{
	size_t i = idn_hash(HASH_START, name) % size;

	while (list[i].n && !idn_same_address(list[i], name))
		i = (i + 1) % size;
	return &list[i];
}

/* False: it is there already, or there is no memory. */
static bool
add_name(struct plan *p, struct names *names, struct slice name)
{
	struct slice *more, *at;

	if (2 * names->n >= names->size) {
		const size_t size = 2 * names->size + 64;

		more = calloc(size, sizeof *more);
		if (!more) {
			p->failed = true;
			return false;
		}
		for (size_t i = 0; i < names->size; i++)
			if (names->list[i].n)
				*place_of(more, size, names->list[i]) = names->list[i];
		free(names->list);
		names->list = more;
		names->size = size;
	}
	at = place_of(names->list, names->size, name);
	if (at->n)
		return false;
	*at = name;
	names->n++;
	return true;
}

static void
add_text(struct local_text *t, const struct source *s, struct slice text)
{
	struct alias_text rest = alias_text(text);
	struct alias_entry e;
	struct alias_mistake m = { 0 };
	struct import *im = t->im;
	int got;

	while (t->out && (got = alias_next(&rest, &e, &m)) != 0) {
		struct slice name = got < 0 ? SL("") :
		    slice_str(plan_copy(im->plan, slice_of(e.name.text, e.name.n)));

		if (got > 0 && add_name(im->plan, &t->names, name)) {
			t->good &= print_entry(im, s, &e, t->out);
			continue;
		}
		if (got > 0)
			m = (struct alias_mistake){ e.line, e.raw,
			    "a line above has addresses of this name" };
		note_mistake(im, s, &m);
		t->good = false;
	}
}

struct local_text *
local_text_new(struct import *im)
{
	struct local_text *t = calloc(1, sizeof *t);

	if (t) {
		t->im = im;
		t->good = true;
		t->out = open_memstream(&t->space, &t->n);
	}
	if (!t || !t->out)
		im->plan->failed = true;
	return t;
}

void
local_text_row(struct local_text *t, struct plan_at at, const char *entry)
{
	const struct source s = { .at = at, .one_place = true };

	if (!t)
		return;
	add_text(t, &s, slice_str(entry));
	t->good = false;
}

bool
local_text_file(struct local_text *t, const char *path, const char *origin, struct plan_at at)
{
	const struct source s = { .at = { path, 0 }, .origin = origin };
	struct slice text;

	if (!t)
		return false;
	if (!t->im->read(t->im, path, &text)) {
		plan_note(t->im->plan, at, "there is no %.200s, so there are no aliases", path);
		return false;
	}
	t->good &= !origin;
	add_text(t, &s, text);
	return true;
}

void
local_text_names(struct local_text *t, const char *path)
{
	struct alias_mistake ignored;
	struct alias_text rest;
	struct alias_entry e;
	struct slice text;
	int got;

	if (!t || !t->im->read(t->im, path, &text))
		return;
	rest = alias_text(text);
	while ((got = alias_next(&rest, &e, &ignored)) != 0)
		if (got > 0)
			local_text_row(t, (struct plan_at){ path, e.line }, plan_text(t->im->plan,
			    "%.*s: %.*s\n", (int)e.raw.n, e.raw.p, (int)e.raw.n, e.raw.p));
}

const char *
local_text_end(struct local_text *t, const char *base, const char *same, struct plan_at at)
{
	const char *path = NULL, *copy;

	if (!t)
		return NULL;
	if (t->out && fclose(t->out) == 0 && t->n > 0) {
		const struct plan_file file = { .kind = PLAN_TEXT, .at = at,
			.content = plan_copy(t->im->plan, slice_of(t->space, t->n)) };

		copy = t->good && same && same[0] == '/' ? same : NULL;
		path = copy ? copy : plan_add_file(t->im->plan, base, "aliases", &file);
	}
	free(t->space);
	free(t->names.list);
	free(t);
	return path;
}

const char *
local_aliases(struct import *im, const char *path, struct plan_at at)
{
	struct local_text *t = local_text_new(im);

	(void)local_text_file(t, path, NULL, at);
	return local_text_end(t, "host", path, at);
}

const char *
local_aliases_text(struct import *im, struct slice text, struct plan_at at)
{
	const struct source s = { .at = at };
	struct local_text *t = local_text_new(im);

	if (t)
		add_text(t, &s, text);
	return local_text_end(t, "host", NULL, at);
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
