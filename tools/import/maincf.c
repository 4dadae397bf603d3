// SPDX-License-Identifier: ISC
/*
 * postconf(5): a line that begins with a blank continues the one above, over comments and empty
 * lines.  The last value of a parameter counts.
 */
#include "tools/import/maincf.h"

#include <stdlib.h>

#include "tools/import/local.h"
#include "tools/import/text.h"

#define DEPTH_MAX 16	/* of parameters that are made of others */
#define STEPS_MAX 1000

/* Is it empty or a comment? */
static bool
is_nothing(struct slice line)
{
	line = slice_trim(line);
	return line.n == 0 || line.p[0] == '#';
}

/* Does the line continue the one above? */
static bool
is_more(struct slice line)
{
	return is_nothing(line) || ascii_blank(line.p[0]);
}

/* The next line with those that continue it, in memory of the plan if there are such lines.  False
 * at the end. */
static bool
logical_line(struct plan *p, struct slice *rest, unsigned *number, struct slice *ret,
    unsigned *ret_line)
{
	struct slice line = SL(""), next, end;
	struct buf b = { 0 };

	while (rest->n && is_nothing(line)) {
		line = slice_cut(*rest, '\n', rest);
		*ret_line = ++*number;
	}
	if (is_nothing(line) || p->failed)
		return false;
	end = *rest;
	while (end.n && is_more(slice_cut(end, '\n', &next)))
		end = next;
	if (end.p == rest->p) {		/* no line continues it */
		*ret = slice_trim(line);
		return true;
	}
	b.cap = (size_t)(end.p - line.p) + 1;
	b.p = plan_copy(p, slice_of(line.p, b.cap - 1));
	if (p->failed)
		return false;
	b.n = line.n;
	for (; rest->p < end.p; *rest = next, ++*number) {
		line = slice_trim(slice_cut(*rest, '\n', &next));
		if (is_nothing(line))
			continue;
		buf_chr(&b, ' ');
		buf_add(&b, line);
	}
	*ret = slice_trim(buf_slice(&b));
	return true;
}

bool
maincf_add(struct maincf *m, const struct maincf_line *l)
{
	if (m->n == PLAN_MAX) {
		m->im->plan->failed = true;
		return false;
	}
	m->lines[m->n++] = *l;
	return true;
}

bool
maincf_read(struct maincf *m, struct import *im, const char *file, struct slice text)
{
	struct slice line, rest = text;
	unsigned number = 0, first;

	*m = (struct maincf){ .im = im, .file = file };
	m->lines = calloc(PLAN_MAX, sizeof *m->lines);
	if (!m->lines) {
		im->plan->failed = true;
		return false;
	}
	while (logical_line(im->plan, &rest, &number, &line, &first)) {
		struct slice value, name = slice_trim(slice_cut(line, '=', &value));

		if (name.n == line.n) {
			plan_note(im->plan, (struct plan_at){ file, first },
			    "this line has no =, and is left out");
			continue;
		}
		if (!maincf_add(m, &(struct maincf_line){ name, slice_trim(value), file, first }))
			return false;
	}
	return !im->plan->failed;
}

void
maincf_done(struct maincf *m)
{
	free(m->lines);
}

static const struct maincf_line *
find_line(const struct maincf *m, struct slice name)
{
	for (size_t i = m->n; i-- > 0;)
		if (slice_eq(m->lines[i].name, name))
			return &m->lines[i];
	return NULL;
}

bool
maincf_has(const struct maincf *m, const char *name)
{
	return find_line(m, slice_str(name)) != NULL;
}

struct plan_at
maincf_at(const struct maincf *m, const char *name)
{
	const struct maincf_line *l = find_line(m, slice_str(name));

	return (struct plan_at){ l ? l->file : m->file, l ? l->line : 0 };
}

/* ---- expansion ---- */

/* Values may name each other many times: the number of steps has a limit. */
struct expansion {
	const struct maincf *m;
	unsigned steps, depth;
	bool endless;		/* a value is made of itself */
	bool compares;		/* a value depends on a comparison that has no result here */
	struct buf *b;
};

static void expand(struct expansion *x, struct slice text);

static bool
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '_';
}

/* The default of a parameter that others are often made of. */
static void
add_default(struct expansion *x, struct slice name)
{
	char space[512];
	struct buf host = BUF(space), *b = x->b;
	struct expansion inner = { .m = x->m, .steps = x->steps, .depth = x->depth, .b = &host };

	if (slice_eq(name, SL("myhostname"))) {
		const char *own = local_name(x->m->im);

		buf_str(b, own ? own : "localhost.localdomain");
	} else if (slice_eq(name, SL("mydomain"))) {
		const char *dot;

		expand(&inner, SL("$myhostname"));
		x->steps = inner.steps;
		x->endless |= inner.endless;
		x->compares |= inner.compares;
		dot = host.full ? NULL : memchr(host.p, '.', host.n);
		if (dot)
			buf_add(b, slice_of(dot + 1, host.n - (size_t)(dot + 1 - host.p)));
		else
			buf_str(b, "localdomain");
	} else if (slice_eq(name, SL("myorigin"))) {
		expand(x, SL("$myhostname"));
	} else if (slice_eq(name, SL("mydestination"))) {
		expand(x, SL("$myhostname, localhost.$mydomain, localhost"));
	} else if (slice_eq(name, SL("compatibility_level"))) {
		buf_chr(b, '0');
	} else if (slice_eq(name, SL("alias_maps"))) {
		buf_str(b, "hash:/etc/aliases");
	} else if (slice_eq(name, SL("queue_directory"))) {
		buf_str(b, "/var/spool/postfix");
	} else if (slice_eq(name, SL("config_directory"))) {
		buf_str(b, "/etc/postfix");
	}
}

/* The length of the text in brackets, which may be nested; text begins behind the first. */
static size_t
length_inside(struct slice text, char open, char close)
{
	unsigned depth = 1;

	for (size_t i = 0; i < text.n; i++) {
		depth += text.p[i] == open;
		depth -= text.p[i] == close;
		if (depth == 0)
			return i;
	}
	return text.n;
}

/* Take {TEXT}, or all that is left. */
static struct slice
take_choice(struct slice *rest)
{
	struct slice text = slice_trim(*rest);
	size_t n;

	*rest = SL("");
	if (text.n == 0 || text.p[0] != '{')
		return text;
	text = slice_skip(text, 1);
	n = length_inside(text, '{', '}');
	*rest = slice_trim(slice_skip(text, n + 1));
	return slice_trim(slice_of(text.p, n));
}

/* Expand one text of ?TEXT, :TEXT or ?{TEXT}:{TEXT}. */
static void
add_choice(struct expansion *x, bool filled, struct slice rest)
{
	struct slice text = SL("");

	if (rest.p[0] == '?') {
		rest = slice_skip(rest, 1);
		text = take_choice(&rest);
	}
	if (!filled) {
		text = SL("");
		if (rest.n && rest.p[0] == ':') {
			rest = slice_skip(rest, 1);
			text = take_choice(&rest);
		}
	}
	expand(x, text);
}

/* A side of a comparison without its blanks. */
static struct slice
expand_side(struct expansion *x, struct slice text, struct buf *ret)
{
	struct expansion inner = { .m = x->m, .steps = x->steps, .depth = x->depth, .b = ret };

	expand(&inner, text);
	x->steps = inner.steps;
	x->endless |= inner.endless;
	x->compares |= inner.compares || ret->full;
	return slice_trim(buf_slice(ret));
}

/* {A} OPERATOR {B} ?{TEXT}:{TEXT}.  Numbers are compared as such. */
static void
add_comparison(struct expansion *x, struct slice rest)
{
	static const struct { struct slice sign; bool less, same, more; } signs[] = {
		{ S("=="), false, true, false }, { S("!="), true, false, true },
		{ S("<="), true, true, false }, { S(">="), false, true, true },
		{ S("<"), true, false, false }, { S(">"), false, false, true },
	};
	char left_space[512], right_space[512];
	struct buf left = BUF(left_space), right = BUF(right_space);
	struct slice a = expand_side(x, take_choice(&rest), &left), b;
	uint64_t m, n;
	size_t i = 0;
	int order;

	while (i < sizeof signs / sizeof signs[0] && !slice_has_prefix(rest, signs[i].sign))
		i++;
	if (i == sizeof signs / sizeof signs[0]) {
		x->compares = true;
		return;
	}
	rest = slice_trim(slice_skip(rest, signs[i].sign.n));
	b = expand_side(x, take_choice(&rest), &right);
	if (slice_uint(a, UINT64_MAX, &m) && slice_uint(b, UINT64_MAX, &n))
		order = (m > n) - (m < n);
	else
		order = slice_compare(a, b);
	if (rest.n == 0 || (rest.p[0] != '?' && rest.p[0] != ':'))
		x->compares = true;
	else
		add_choice(x, order < 0 ? signs[i].less : order > 0 ? signs[i].more :
		    signs[i].same, rest);
}

/* NAME, or NAME with texts to choose from, as they stand in ${}. */
static void
add_parameter(struct expansion *x, struct slice text)
{
	const struct maincf_line *l;
	struct slice rest, name;
	size_t n = 0;

	while (n < text.n && is_name(text.p[n]))
		n++;
	name = slice_of(text.p, n);
	rest = slice_trim(slice_skip(text, n));
	l = find_line(x->m, name);
	if (n == 0 && rest.n && rest.p[0] == '{')
		add_comparison(x, rest);
	else if (rest.n && (rest.p[0] == '?' || rest.p[0] == ':'))
		add_choice(x, l && l->value.n > 0, rest);
	else if (l)
		expand(x, l->value);
	else
		add_default(x, name);
}

static void
expand(struct expansion *x, struct slice text)
{
	if (x->depth == DEPTH_MAX) {
		x->endless = true;
		return;
	}
	x->depth++;
	while (text.n && !x->b->full && x->steps++ < STEPS_MAX) {
		struct slice behind, plain = slice_cut(text, '$', &behind);
		size_t n = 0;

		buf_add(x->b, plain);
		if (plain.n == text.n)
			break;
		text = behind;
		if (text.n && text.p[0] == '$') {
			buf_chr(x->b, '$');
			text = slice_skip(text, 1);
		} else if (text.n && (text.p[0] == '{' || text.p[0] == '(')) {
			const char open = text.p[0];

			n = length_inside(slice_skip(text, 1), open, open == '{' ? '}' : ')');
			add_parameter(x, slice_of(text.p + 1, n));
			text = slice_skip(text, n + 2);
		} else {
			while (n < text.n && is_name(text.p[n]))
				n++;
			add_parameter(x, slice_of(text.p, n));
			text = slice_skip(text, n);
		}
	}
	x->depth--;
}

/* The value, or "" after a note.  *ret_unknown: it cannot be expanded. */
static const char *
get(const struct maincf *m, const char *name, bool *ret_unknown)
{
	char *space = malloc(MAINCF_VALUE_MAX);
	struct buf b = { .p = space, .cap = MAINCF_VALUE_MAX };
	struct expansion x = { .m = m, .b = &b };
	const char *result;

	if (!space) {
		m->im->plan->failed = true;
		return "";
	}
	add_parameter(&x, slice_str(name));
	*ret_unknown = b.full || x.steps > STEPS_MAX || x.endless || x.compares;
	if (b.full || x.steps > STEPS_MAX) {
		plan_note(m->im->plan, maincf_at(m, name),
		    "%s: its value is too long, and is left out",
		    name);
		b.n = 0;
	} else if (x.endless || x.compares) {
		plan_note(m->im->plan, maincf_at(m, name), "%s: its value %s, and is left out",
		    name, x.endless ? "is made of itself" :
		    "depends on a comparison that is not known");
		b.n = 0;
	}
	result = plan_copy(m->im->plan, slice_trim(buf_slice(&b)));
	free(space);
	return result;
}

const char *
maincf_get(const struct maincf *m, const char *name)
{
	bool ignored;

	return get(m, name, &ignored);
}

bool
maincf_is_unknown(const struct maincf *m, const char *name)
{
	bool unknown = false;

	(void)get(m, name, &unknown);
	return unknown;
}

bool
maincf_is_yes(const struct maincf *m, const char *name)
{
	return strcmp(maincf_get(m, name), "yes") == 0;
}

struct slice
maincf_word(struct slice *list)
{
	struct slice word;
	size_t n = 0;

	while (list->n && (ascii_blank(list->p[0]) || list->p[0] == ','))
		*list = slice_skip(*list, 1);
	word = *list;
	while (n < list->n && !ascii_blank(list->p[n]) && list->p[n] != ',')
		n++;
	*list = slice_skip(*list, n);
	return slice_of(word.p, n);
}

struct slice
maincf_map(struct slice *list)
{
	struct slice word;
	unsigned depth = 0;
	size_t n = 0;

	while (list->n && (ascii_blank(list->p[0]) || list->p[0] == ','))
		*list = slice_skip(*list, 1);
	word = *list;
	for (; n < list->n; n++) {
		const char c = list->p[n];

		if (depth == 0 && (ascii_blank(c) || c == ','))
			break;
		depth += c == '{';
		depth -= c == '}' && depth;
	}
	*list = slice_skip(*list, n);
	return slice_of(word.p, n);
}

/* ---- tables ---- */

struct maincf_table
maincf_table_of(const char *file, struct slice text)
{
	return (struct maincf_table){ .file = file, .rest = text };
}

/* The path of the text of a table.  False: it has none. */
static bool
table_path(struct slice table, struct slice *ret)
{
	static const struct slice types[] = {
		S("hash"), S("texthash"), S("btree"), S("lmdb"), S("cdb"), S("dbm"), S("sdbm"),
	};
	struct slice type;

	if (slice_has_prefix(table, SL("proxy:")))
		table = slice_skip(table, 6);
	type = slice_cut(table, ':', ret);
	if (type.n == table.n)
		*ret = table;
	for (size_t i = 0; type.n < table.n; i++) {
		if (i == sizeof types / sizeof types[0])
			return false;
		if (slice_eq(type, types[i]))
			break;
	}
	return ret->n && ret->p[0] == '/';
}

/* The pairs of inline:{key=value, {key = value}}. */
static struct slice
inline_pairs(struct slice table)
{
	struct slice text = slice_trim(slice_skip(table, strlen("inline:")));

	if (text.n > 1 && text.p[0] == '{' && text.p[text.n - 1] == '}')
		text = slice_of(text.p + 1, text.n - 2);
	return slice_trim(text);
}

bool
maincf_table_open(const struct maincf *m, struct slice table, struct plan_at at,
    struct maincf_table *ret)
{
	struct slice path, text;

	if (slice_has_prefix(table, SL("inline:"))) {
		*ret = (struct maincf_table){ .file = at.file, .line = at.line,
			.pairs = inline_pairs(table) };
		return true;
	}
	if (!table_path(table, &path)) {
		struct slice type = slice_cut(slice_has_prefix(table, SL("proxy:")) ?
		    slice_skip(table, 6) : table, ':', &path);

		plan_note(m->im->plan, at, "a table of the type %.*s is left out: write its "
		    "entries as [route], [sender], aliases or [server] masquerade",
		    (int)(type.n < 40 ? type.n : 40), type.p);
		return false;
	}
	*ret = maincf_table_of(plan_copy(m->im->plan, path), SL(""));
	if (!m->im->read(m->im, ret->file, &text)) {
		plan_note(m->im->plan, at, "%.200s cannot be read: print its database into that "
		    "file by  "
		    "postmap -s %.*s  and import again", ret->file,
		    (int)(table.n < 200 ? table.n : 200), table.p);
		return false;
	}
	ret->rest = text;
	return true;
}

/* The next pair of a table in main.cf. */
static bool
next_pair(struct maincf_table *t, struct maincf_line *ret)
{
	struct slice pair = maincf_map(&t->pairs);
	const bool found = pair.n > 0;

	if (pair.n > 1 && pair.p[0] == '{' && pair.p[pair.n - 1] == '}')
		pair = slice_of(pair.p + 1, pair.n - 2);
	ret->name = slice_trim(slice_cut(pair, '=', &ret->value));
	ret->value = slice_trim(ret->value);
	ret->file = t->file;
	ret->line = t->line;
	return found;
}

bool
maincf_table_next(const struct maincf *m, struct maincf_table *t, struct maincf_line *ret)
{
	struct slice line;

	if (t->pairs.n)
		return next_pair(t, ret);
	if (!logical_line(m->im->plan, &t->rest, &t->line, &line, &ret->line))
		return false;
	ret->name = text_word(line, &ret->value);
	ret->file = t->file;
	return true;
}
