// SPDX-License-Identifier: ISC
/*
 * The walk through aliases and lists.  It always ends: an open alias is not opened again, and
 * depth, addresses and files have limits.  It reads files and writes none.
 */
#include "aliases/expand.h"

#include <errno.h>
#include <stdlib.h>

#include "base/idn.h"

struct walk {
	struct aliases *aliases;
	const struct smtp_path *top;
	const struct alias_set *known;
	struct alias_set seen;		/* the members so far */
	struct expansion *x;
	struct alias_hit open[ALIASES_DEPTH_MAX];	/* the aliases that led here */
	unsigned nopen, depth;
	unsigned targets, lists;
	unsigned number;		/* of this walk; a visited alias has it in `seen` */
	char circle[200];		/* aliases that lead back to the first of them; or "" */
	int error;			/* -ENOMEM */
};

static unsigned walks;

/* A text with targets: of an alias, or a list. */
struct source {
	struct alias_text targets;
	const char *file;
	bool includes;		/* the file may include lists */
};

static void walk_targets(struct walk *w, struct source source, uint32_t copy);

static bool
over(const struct walk *w)
{
	return w->error < 0 || w->x->end != EXPANSION_MADE;
}

/* End the walk.  Only the first cause is kept. */
__attribute__((format(printf, 3, 4))) static void
stop(struct walk *w, enum expansion_end end, const char *format, ...)
{
	va_list ap;

	if (over(w))
		return;
	w->x->end = end;
	va_start(ap, format);
	(void)vsnprintf(w->x->why, sizeof w->x->why, format, ap);
	va_end(ap);
}

static void
stop_mistake(struct walk *w, const char *file, const struct alias_mistake *m)
{
	char space[300];
	struct buf b = BUF(space);

	alias_mistake_text(m, &b);
	stop(w, EXPANSION_LATER, "%.120s:%u: %s", file, m->line, buf_cstr(&b));
}

/* Add "a -> b -> a": the open aliases from the first one on. */
static void
describe_way(const struct walk *w, const struct alias *first, const struct alias *last,
    struct buf *b)
{
	bool on = false;

	for (unsigned i = 0; i < w->nopen; i++) {
		on = on || w->open[i].alias == first;
		if (!on)
			continue;
		buf_add(b, w->open[i].alias->name);
		buf_str(b, " -> ");
	}
	buf_fmt(b, "%.*s", (int)last->name.n, last->name.p);
	if (b->full) {			/* show that it is cut */
		b->full = false;
		b->n = b->n < b->cap - 4 ? b->n : b->cap - 4;
		buf_str(b, "...");
	}
	(void)buf_cstr(b);
}

/* The copy with this sender, made if it is not there. */
static uint32_t
copy_for(struct walk *w, const struct smtp_path *sender, bool self)
{
	struct expansion *x = w->x;

	for (size_t i = 0; i < x->ncopies; i++)
		if (x->copies[i].self == self &&
		    slice_eq(smtp_path_text(&x->copies[i].sender), smtp_path_text(sender)))
			return (uint32_t)i;
	if (x->ncopies == ALIASES_COPIES_MAX) {
		stop(w, EXPANSION_LATER, "more than %d nested lists that have owners",
		    ALIASES_COPIES_MAX);
		return 0;
	}
	x->copies[x->ncopies] = (struct expansion_copy){ .sender = *sender, .self = self };
	return (uint32_t)x->ncopies++;
}

static bool
same_address(const struct smtp_path *a, const struct smtp_path *b)
{
	return idn_same_address(smtp_path_text(a), smtp_path_text(b));
}

static void
add_member(struct walk *w, const struct smtp_path *path, uint32_t copy)
{
	struct expansion *x = w->x;
	int new = alias_set_add(&w->seen, path);

	if (new <= 0) {
		w->error = new;
		return;
	}
	if (alias_set_has(w->known, path)) {
		x->known++;
		return;
	}
	if (x->n == ALIASES_MEMBERS_MAX) {
		stop(w, EXPANSION_LATER, "more than %d addresses", ALIASES_MEMBERS_MAX);
		return;
	}
	if (x->n == x->room) {
		const size_t room = x->room ? 2 * x->room : 16;
		struct expansion_member *more = realloc(x->members, room * sizeof *more);

		if (!more) {
			w->error = -ENOMEM;
			return;
		}
		x->members = more;
		x->room = room;
	}
	if (same_address(path, w->top))
		copy = copy_for(w, &x->copies[copy].sender, true);
	x->members[x->n++] = (struct expansion_member){ *path, copy };
}

static void
walk_alias(struct walk *w, const struct alias_hit *hit, uint32_t copy)
{
	char space[200];
	struct buf way = BUF(space);
	struct smtp_path owner;

	if (w->depth == ALIASES_DEPTH_MAX) {
		describe_way(w, w->open[0].alias, hit->alias, &way);
		stop(w, EXPANSION_LOOP, "aliases nested deeper than %d: %s", ALIASES_DEPTH_MAX,
		    space);
		return;
	}
	if (aliases_owner(hit, &owner))
		copy = copy_for(w, &owner, false);
	hit->alias->seen = w->number;
	hit->alias->open = true;
	w->open[w->nopen++] = *hit;
	w->depth++;
	walk_targets(w, (struct source){ hit->alias->targets, hit->table->file, true }, copy);
	w->depth--;
	w->nopen--;
	hit->alias->open = false;
}

static void
walk_address(struct walk *w, const struct alias_target *target, const char *file, uint32_t copy)
{
	const struct alias_hit *here = &w->open[w->nopen - 1];
	struct smtp_path path = target->path;
	struct buf way = BUF(w->circle);
	struct alias_hit hit;
	int found;

	if (!smtp_path_qualify(&path, here->domain)) {
		stop(w, EXPANSION_LATER, "%.120s:%u: the address is too long", file,
		    target->line);
		return;
	}
	found = target->kind == ALIAS_FINAL ? 0 : aliases_find(w->aliases, &path, false, &hit);
	if (found < 0) {
		stop(w, EXPANSION_LATER, "%s", hit.table->why);
	} else if (!found || hit.alias == here->alias) {	/* its own member is a mailbox */
		add_member(w, &path, copy);
	} else if (hit.alias->open) {
		if (!w->circle[0])
			describe_way(w, hit.alias, hit.alias, &way);
	} else if (hit.alias->seen != w->number) {
		walk_alias(w, &hit, copy);
	}
}

static void
walk_list(struct walk *w, const struct alias_target *target, uint32_t copy)
{
	const struct alias_table *table = w->open[w->nopen - 1].table;
	struct alias_list list;

	if (w->depth == ALIASES_DEPTH_MAX) {
		stop(w, EXPANSION_LOOP, "lists included deeper than %d: %.*s", ALIASES_DEPTH_MAX,
		    (int)(target->file.n < 200 ? target->file.n : 200), target->file.p);
		return;
	}
	if (w->lists++ == ALIASES_LISTS_MAX) {
		stop(w, EXPANSION_LATER, "more than %d included lists", ALIASES_LISTS_MAX);
		return;
	}
	if (alias_list_read(&list, target->file, table->as_of.st_uid) < 0) {
		stop(w, EXPANSION_LATER, "%s", list.why);
		return;
	}
	w->depth++;
	walk_targets(w, (struct source){ alias_text(slice_of(list.text, list.n)), list.file,
		list.includes }, copy);
	w->depth--;
	free(list.text);
}

static void
walk_targets(struct walk *w, struct source source, uint32_t copy)
{
	struct alias_target target;
	struct alias_mistake m = { 0 };
	int got;

	while (!over(w) && (got = alias_target_next(&source.targets, &target, &m)) != 0) {
		if (w->targets++ == ALIASES_TARGETS_MAX)
			stop(w, EXPANSION_LATER, "more than %d addresses, with duplicates",
			    ALIASES_TARGETS_MAX);
		else if (got < 0)
			stop_mistake(w, source.file, &m);
		else if (target.kind == ALIAS_NOTHING)
			w->x->nothing = true;
		else if (target.kind == ALIAS_INCLUDE && !source.includes)
			stop(w, EXPANSION_LATER, "%.120s:%u: " ALIAS_NO_INCLUDES, source.file,
			    target.line);
		else if (target.kind == ALIAS_INCLUDE)
			walk_list(w, &target, copy);
		else
			walk_address(w, &target, source.file, copy);
	}
}

static void
walk(struct walk *w)
{
	const struct smtp_path nobody = { 0 };
	struct expansion *x = w->x;
	struct alias_hit hit;
	const int found = aliases_find(w->aliases, w->top, false, &hit);
	uint32_t copy;

	if (found < 0) {
		stop(w, EXPANSION_LATER, "%s", hit.table->why);
		return;
	}
	copy = copy_for(w, &nobody, false);
	if (found)
		walk_alias(w, &hit, copy);
	else
		add_member(w, w->top, copy);
	if (over(w) || x->n || x->known || x->nothing)
		return;
	if (w->circle[0])
		stop(w, EXPANSION_LOOP, "aliases form a loop and lead to no address: %s",
		    w->circle);
	else
		stop(w, EXPANSION_EMPTY, "the list has no address");
}

int
alias_expand(struct aliases *a, const struct smtp_path *to, const struct alias_set *known,
    struct expansion *ret)
{
	struct walk w = {
		.aliases = a, .top = to, .known = known, .seen = { .config = a->config }, .x = ret,
		.number = ++walks,
	};

	*ret = (struct expansion){ .copies = calloc(ALIASES_COPIES_MAX + 1, sizeof *ret->copies) };
	if (!ret->copies)
		return -ENOMEM;
	walk(&w);
	alias_set_done(&w.seen);
	return w.error;
}

void
expansion_done(struct expansion *x)
{
	free(x->copies);
	free(x->members);
	*x = (struct expansion){ 0 };
}

void
expansion_part(struct expansion *x,
    bool (*pick)(const struct config *c, const struct smtp_path *member), const struct config *c)
{
	const uint32_t away = (uint32_t)x->ncopies;

	for (size_t i = 0; i < x->n; i++) {
		struct expansion_member *m = &x->members[i];

		if (x->copies[m->copy].sender.n || !pick(c, &m->path))
			continue;
		x->copies[away] = (struct expansion_copy){ .away = true };
		x->ncopies = (size_t)away + 1;
		m->copy = away;
	}
}

bool
expansion_is_single(const struct expansion *x)
{
	return x->end == EXPANSION_MADE && x->n == 1 && x->known == 0 && !x->nothing &&
	       x->copies[x->members[0].copy].sender.n == 0;
}
