// SPDX-License-Identifier: ISC
/*
 * A statement ends with its line, unless a brace is open.  A macro stands for text, which may be
 * several words.  A file table has a row a line; the key ends at a blank or a colon.
 */
#include "tools/import/opensmtpd_file.h"

#include <stdlib.h>

#include "tools/import/text.h"

#define WORD_MAX   4096
#define DEPTH_MAX  8		/* files that include each other */
#define MACROS_MAX 200

struct macro {
	struct slice name, value;
};

struct lexer {
	struct opensmtpd_file *f;
	struct macro macros[MACROS_MAX];
	size_t nmacros;
};

/* A file that is being read. */
struct input {
	struct slice macro;		/* the rest of an expanded one; it comes before the text */
	struct slice text;
	struct plan_at at;
	unsigned depth;			/* of open braces */
};

/* ---- characters ---- */

/* The next character, or -1.  A backslash at the end of a line joins the next one. */
static int
next_char(struct input *in)
{
	struct slice *from = in->macro.n ? &in->macro : &in->text;
	int c;

	while (from == &in->text && slice_has_prefix(in->text, SL("\\\n"))) {
		in->text = slice_skip(in->text, 2);
		in->at.line++;
	}
	if (from->n == 0)
		return -1;
	c = (unsigned char)from->p[0];
	*from = slice_skip(*from, 1);
	if (c == '\n' && from == &in->text)
		in->at.line++;
	return c;
}

static int
peek_char(struct input *in)
{
	struct input copy = *in;

	return next_char(&copy);
}

static bool
is_sign(int c)
{
	return c > 0 && strchr("{}<>!=,()", c);
}

static bool
is_name(int c)
{
	return (c >= '0' && c <= '9') || (ascii_lower((char)c) >= 'a' &&
	    ascii_lower((char)c) <= 'z') || c == '_';
}

static void
skip_comment(struct input *in)
{
	int c = peek_char(in);

	while (c >= 0 && c != '\n') {
		(void)next_char(in);
		c = peek_char(in);
	}
}

/* ---- words ---- */

static bool
add_word(struct lexer *x, enum opensmtpd_kind kind, struct slice text, struct plan_at at)
{
	struct opensmtpd_file *f = x->f;
	struct opensmtpd_word *more;

	if (f->nwords % 256 == 0) {
		more = f->nwords < OPENSMTPD_WORDS_MAX ?
		    reallocarray(f->words, f->nwords + 256, sizeof *more) : NULL;
		if (!more) {
			f->im->plan->failed = true;
			return false;
		}
		f->words = more;
	}
	f->words[f->nwords++] = (struct opensmtpd_word){ kind, text, at };
	return true;
}

/* A copy that lives as long as the plan.  A text that is too long is a failure. */
static struct slice
keep_text(struct lexer *x, const struct buf *b)
{
	struct plan *p = x->f->im->plan;
	const char *copy = plan_copy(p, buf_slice(b));

	p->failed |= b->full;
	return slice_of(copy, p->failed ? 0 : b->n);
}

/* A word in quotes, whose first is taken. */
static struct slice
read_quoted(struct lexer *x, struct input *in, int quote)
{
	char space[WORD_MAX];
	struct buf b = BUF(space);
	int c, next;

	while ((c = next_char(in)) >= 0 && c != quote) {
		next = c == '\\' ? peek_char(in) : -1;
		if (next == quote || next == ' ' || next == '\t')
			c = next_char(in);
		if (c != '\n')
			buf_chr(&b, (char)c);
	}
	return keep_text(x, &b);
}

/* A word without quotes, from its first character on. */
static struct slice
read_plain(struct lexer *x, struct input *in)
{
	char space[WORD_MAX];
	struct buf b = BUF(space);
	int c = peek_char(in);

	while (c > ' ' && c != '#' && !is_sign(c)) {
		buf_chr(&b, (char)next_char(in));
		c = peek_char(in);
	}
	return keep_text(x, &b);
}

/* Put the text of a macro in front. */
static void
expand_macro(struct lexer *x, struct input *in)
{
	char space[100];
	struct buf b = BUF(space);

	while (is_name(peek_char(in)))
		buf_chr(&b, (char)next_char(in));
	for (size_t i = x->nmacros; i > 0; i--)
		if (!b.full && slice_eq(x->macros[i - 1].name, buf_slice(&b))) {
			in->macro = x->macros[i - 1].value;
			return;
		}
	plan_stop(x->f->im->plan, in->at, "the macro %.50s is not set: look for the lines that "
	    "have it", buf_cstr(&b));
}

/* Read one word or sign.  False at the end of the text. */
static bool
read_word(struct lexer *x, struct input *in)
{
	const struct plan_at at = in->at;
	const bool expanding = in->macro.n > 0;
	const int c = peek_char(in);

	if (c < 0)
		return false;
	if (c == '$' && !expanding) {
		(void)next_char(in);
		expand_macro(x, in);
		return true;
	}
	if (c == '#') {
		skip_comment(in);
		return true;
	}
	if (c == '"' || c == '\'') {
		(void)next_char(in);
		return add_word(x, OPENSMTPD_QUOTED, read_quoted(x, in, c), at);
	}
	if (c > ' ' && !is_sign(c))
		return add_word(x, OPENSMTPD_WORD, read_plain(x, in), at);
	(void)next_char(in);
	if (c == '\n')
		return in->depth > 0 || add_word(x, OPENSMTPD_END, SL(""), at);
	if (!is_sign(c))
		return true;
	in->depth += c == '{';
	in->depth -= c == '}' && in->depth > 0;
	return add_word(x, OPENSMTPD_SIGN, slice_of(plan_text(x->f->im->plan, "%c", c), 1), at);
}

/* ---- statements that change the text ---- */

/* NAME = words.  False: the statement at the word is none. */
static bool
take_macro(struct lexer *x, size_t from)
{
	struct opensmtpd_file *f = x->f;
	const struct opensmtpd_word *w = f->words + from;
	char space[WORD_MAX];
	struct buf b = BUF(space);

	if (f->nwords - from < 3 || w[0].kind != OPENSMTPD_WORD || w[1].kind != OPENSMTPD_SIGN ||
	    w[1].text.p[0] != '=')
		return false;
	for (size_t i = from + 2; i + 1 < f->nwords; i++) {
		if (b.n)
			buf_chr(&b, ' ');
		buf_add(&b, f->words[i].text);
	}
	if (x->nmacros == MACROS_MAX)
		f->im->plan->failed = true;
	else
		x->macros[x->nmacros++] = (struct macro){ w[0].text, keep_text(x, &b) };
	return true;
}

static bool read_text(struct lexer *x, const char *path, struct slice text, unsigned depth);

/* include "FILE".  False: the statement at the word is none. */
static bool
take_include(struct lexer *x, size_t from, unsigned depth)
{
	struct opensmtpd_file *f = x->f;
	const struct opensmtpd_word *w = f->words + from;
	const struct plan_at at = w[0].at;
	struct slice text;
	const char *path;

	if (f->nwords - from != 3 || w[0].kind != OPENSMTPD_WORD ||
	    !slice_eq(w[0].text, SL("include")))
		return false;
	path = plan_copy(f->im->plan, w[1].text);
	f->nwords = from;
	if (depth == DEPTH_MAX || !f->im->read(f->im, path, &text))
		plan_stop(f->im->plan, at, "the included file %.200s cannot be read: its lines "
		    "are missing here", path);
	else
		(void)read_text(x, path, text, depth + 1);
	return true;
}

/* Read one file.  False without memory. */
static bool
read_text(struct lexer *x, const char *path, struct slice text, unsigned depth)
{
	struct opensmtpd_file *f = x->f;
	struct input in = { .text = text, .at = { path, 1 } };
	size_t from = f->nwords, done;
	bool more = true;

	while (more && !f->im->plan->failed) {
		done = f->nwords;
		more = read_word(x, &in);
		if (!more && from < f->nwords)
			(void)add_word(x, OPENSMTPD_END, SL(""), in.at);
		if (f->nwords == done || f->words[f->nwords - 1].kind != OPENSMTPD_END)
			continue;
		if (f->nwords - from == 1 || take_macro(x, from))
			f->nwords = from;
		else
			(void)take_include(x, from, depth);
		from = f->nwords;
	}
	return !f->im->plan->failed;
}

bool
opensmtpd_file_read(struct opensmtpd_file *f, struct import *im, const char *path,
    struct slice text)
{
	struct lexer *x = calloc(1, sizeof *x);
	bool good;

	*f = (struct opensmtpd_file){ .im = im, .path = path };
	f->tables = calloc(OPENSMTPD_TABLES_MAX, sizeof *f->tables);
	if (!x || !f->tables) {
		im->plan->failed = true;
		free(x);
		return false;
	}
	x->f = f;
	good = read_text(x, path, text, 0);
	free(x);
	return good;
}

void
opensmtpd_file_done(struct opensmtpd_file *f)
{
	for (size_t i = 0; i < f->ntables; i++) {
		free(f->tables[i].rows);
		free(f->tables[i].sorted);
	}
	free(f->tables);
	free(f->words);
}

/* ---- parts of a statement ---- */

bool
opensmtpd_statement(const struct opensmtpd_file *f, size_t *i, struct opensmtpd_line *ret)
{
	if (*i >= f->nwords)
		return false;
	*ret = (struct opensmtpd_line){ f->words + *i };
	while (f->words[*i].kind != OPENSMTPD_END)
		++*i;
	++*i;
	return true;
}

bool
opensmtpd_take(struct opensmtpd_line *l, const char *keyword)
{
	if (l->word->kind != OPENSMTPD_WORD || !slice_ieq(l->word->text, slice_str(keyword)))
		return false;
	l->word++;
	return true;
}

bool
opensmtpd_take_sign(struct opensmtpd_line *l, char sign)
{
	if (l->word->kind != OPENSMTPD_SIGN || l->word->text.p[0] != sign)
		return false;
	l->word++;
	return true;
}

bool
opensmtpd_take_word(struct opensmtpd_line *l, struct slice *ret)
{
	if (l->word->kind != OPENSMTPD_WORD && l->word->kind != OPENSMTPD_QUOTED)
		return false;
	*ret = l->word->text;
	l->word++;
	return true;
}

/* ---- tables ---- */

static struct opensmtpd_table *
new_table(struct opensmtpd_file *f, struct slice name, struct plan_at at)
{
	struct opensmtpd_table *t = &f->tables[f->ntables];

	if (f->ntables == OPENSMTPD_TABLES_MAX) {
		f->im->plan->failed = true;
		return NULL;
	}
	f->ntables++;
	*t = (struct opensmtpd_table){ .name = name, .at = at };
	return t;
}

static void
add_row(struct opensmtpd_file *f, struct opensmtpd_table *t, const struct opensmtpd_row *row)
{
	struct opensmtpd_row *more;

	if (t->n % 64 == 0) {
		more = reallocarray(t->rows, t->n + 64, sizeof *more);
		if (!more) {
			f->im->plan->failed = true;
			return;
		}
		t->rows = more;
	}
	t->rows[t->n++] = *row;
}

static int
compare_keys(struct slice a, struct slice b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		const unsigned char c = (unsigned char)ascii_lower(a.p[i]);
		const unsigned char d = (unsigned char)ascii_lower(b.p[i]);

		if (c != d)
			return c < d ? -1 : 1;
	}
	return (a.n > b.n) - (a.n < b.n);
}

/* Rows of one key are in the order of the table. */
static int
compare_rows(const void *a, const void *b)
{
	const struct opensmtpd_row *x = *(struct opensmtpd_row *const *)a;
	const struct opensmtpd_row *y = *(struct opensmtpd_row *const *)b;
	const int c = compare_keys(x->key, y->key);

	return c ? c : (x > y) - (x < y);
}

/* The last row of a key counts. */
static void
sort_rows(struct opensmtpd_file *f, struct opensmtpd_table *t)
{
	t->sorted = t->n > 1 ? calloc(t->n, sizeof(struct opensmtpd_row *)) : NULL;
	if (t->n > 1 && !t->sorted)
		f->im->plan->failed = true;
	if (!t->sorted)
		return;
	for (size_t i = 0; i < t->n; i++)
		t->sorted[i] = &t->rows[i];
	qsort(t->sorted, t->n, sizeof(struct opensmtpd_row *), compare_rows);
	for (size_t i = 0; i < t->n; i++) {
		struct opensmtpd_row *row = t->sorted[i];

		row->replaced = i + 1 < t->n && slice_ieq(row->key, t->sorted[i + 1]->key);
		t->repeats |= row->replaced;
		if (!row->replaced)
			t->sorted[t->nsorted++] = row;
	}
}

/* The row of a line of a file. */
static struct opensmtpd_row
row_of(struct slice line, struct plan_at at)
{
	struct opensmtpd_row row = { .at = at };
	struct slice rest;
	size_t n = 0;

	row.whole = text_word(line, &rest);
	while (n < line.n && line.p[n] != ':' && !ascii_blank(line.p[n]))
		n++;
	row.key = slice_of(line.p, n);
	row.value = slice_trim(slice_skip(line, n));
	while (n < line.n && slice_has_prefix(row.value, SL(":")))
		row.value = slice_trim(slice_skip(row.value, 1));
	return row;
}

/* "file:/PATH", "db:/PATH.db" or "/PATH".  Databases are read from the text beside them. */
static void
read_table(struct opensmtpd_file *f, struct opensmtpd_table *t, struct slice place)
{
	struct slice path, type = slice_cut(place, ':', &path), text, line;
	struct text_lines lines;

	if (slice_has_prefix(place, SL("/"))) {
		path = place;
	} else if (slice_eq(type, SL("db"))) {
		t->database = true;
		if (path.n > 3 && slice_eq(slice_skip(path, path.n - 3), SL(".db")))
			path.n -= 3;
	} else if (!slice_eq(type, SL("file"))) {
		t->lacking = true;
		return;
	}
	t->path = plan_copy(f->im->plan, path);
	t->lacking = !f->im->read(f->im, t->path, &text);
	lines = text_lines(t->lacking ? SL("") : text);
	while (!f->im->plan->failed && text_next(&lines, &line)) {
		const struct opensmtpd_row row = row_of(line,
		    (struct plan_at){ t->path, lines.line });

		add_row(f, t, &row);
	}
}

/* The rows behind a brace.  False: they cannot be read. */
static bool
read_rows(struct opensmtpd_file *f, struct opensmtpd_table *t, struct opensmtpd_line *l)
{
	struct opensmtpd_row row = { 0 };

	while (!opensmtpd_take_sign(l, '}')) {
		row = (struct opensmtpd_row){ .value = SL(""), .at = l->word->at };
		if (!opensmtpd_take_word(l, &row.key) ||
		    (opensmtpd_take_sign(l, '=') && !opensmtpd_take_word(l, &row.value)))
			return false;
		row.whole = row.key;
		add_row(f, t, &row);
		(void)opensmtpd_take_sign(l, ',');
		if (f->im->plan->failed)
			return false;
	}
	return true;
}

bool
opensmtpd_table_add(struct opensmtpd_file *f, struct opensmtpd_line *l)
{
	const struct plan_at at = l->word->at;
	struct opensmtpd_table *t;
	struct slice name, place;

	if (!opensmtpd_take_word(l, &name))
		return false;
	t = new_table(f, name, at);
	if (!t)
		return true;
	if (opensmtpd_take_sign(l, '{')) {
		t->lacking = !read_rows(f, t, l);
		sort_rows(f, t);
		return !t->lacking && opensmtpd_at_end(l);
	}
	t->lacking = !opensmtpd_take_word(l, &place);
	if (!t->lacking)
		read_table(f, t, place);
	sort_rows(f, t);
	return opensmtpd_at_end(l);
}

/* The table <NAME>, whose first sign is taken. */
static const struct opensmtpd_table *
named_table(struct opensmtpd_file *f, struct opensmtpd_line *l)
{
	struct slice name;

	if (!opensmtpd_take_word(l, &name) || !opensmtpd_take_sign(l, '>'))
		return NULL;
	for (size_t i = 0; i < f->ntables; i++)
		if (f->tables[i].name.n && slice_eq(f->tables[i].name, name))
			return &f->tables[i];
	return NULL;
}

bool
opensmtpd_has_table(const struct opensmtpd_line *l)
{
	return l->word->kind == OPENSMTPD_SIGN && (l->word->text.p[0] == '<' ||
	    l->word->text.p[0] == '{');
}

const struct opensmtpd_table *
opensmtpd_take_table(struct opensmtpd_file *f, struct opensmtpd_line *l)
{
	const struct plan_at at = l->word->at;
	struct opensmtpd_table *t;
	struct slice word;

	if (opensmtpd_take_sign(l, '<'))
		return named_table(f, l);
	if (opensmtpd_take_sign(l, '{')) {
		t = new_table(f, SL(""), at);
		if (!t || !read_rows(f, t, l))
			return NULL;
		sort_rows(f, t);
		return t;
	}
	if (!opensmtpd_take_word(l, &word))
		return NULL;
	t = new_table(f, SL(""), at);
	if (t)
		add_row(f, t, &(struct opensmtpd_row){ .key = word, .value = SL(""),
		    .whole = word, .at = at });
	return t;
}

const struct opensmtpd_row *
opensmtpd_find(const struct opensmtpd_table *t, struct slice key)
{
	size_t low = 0, high = t->nsorted;

	for (size_t i = 0; !t->sorted && i < t->n; i++)
		if (slice_ieq(t->rows[i].key, key))
			return &t->rows[i];
	while (t->sorted && low < high) {
		const size_t middle = low + (high - low) / 2;
		const int c = compare_keys(key, t->sorted[middle]->key);

		if (c == 0)
			return t->sorted[middle];
		if (c < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
