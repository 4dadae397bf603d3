// SPDX-License-Identifier: ISC
/*
 * Each edit builds the new field in the free room behind the section, and moves it to its place.
 */
#include "message/edit.h"

void
edit_begin(struct edit *e)
{
	e->text = (struct buf)BUF(e->space);
	e->own = 0;
	e->changed = false;
}

void
edit_octets(struct edit *e, struct slice octets)
{
	buf_add(&e->text, octets);
}

struct slice
edit_fields(const struct edit *e)
{
	return buf_slice(&e->text);
}

bool
edit_next(const struct edit *e, struct slice *rest, size_t *n, struct field *ret)
{
	do {
		if (!field_next(rest, FIELD_TO_BROKEN_LINE, ret))
			return false;
	} while ((*n)++ == e->own);
	return true;
}

void
edit_value(struct buf *b, const struct field *f, bool keep_blank)
{
	struct slice v = f->body;

	if (!keep_blank && v.n && v.p[0] == ' ')
		v = slice_skip(v, 1);
	if (v.n && v.p[v.n - 1] == '\n')
		v.n--;
	if (v.n && v.p[v.n - 1] == '\r')
		v.n--;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] != '\r' || i + 1 == v.n || v.p[i + 1] != '\n')
			buf_chr(b, v.p[i]);
}

static bool
is_name(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] == ':' || name.p[i] >= 0x7f)
			return false;
	return name.n > 0;
}

/* A line of a value.  A line of a folded field begins with a blank, and has more than blanks. */
static void
add_line(struct buf *b, struct slice line, bool first)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (!first && slice_trim(line).n == 0)
		return;
	if (!first)
		buf_str(b, "\r\n");
	if (!first && !ascii_blank(line.p[0]))
		buf_chr(b, '\t');
	for (size_t i = 0; i < line.n; i++)
		buf_chr(b, line.p[i] == '\0' || line.p[i] == '\r' ? ' ' : line.p[i]);
}

/* Put a new field behind the section, and move it to its place, where `was` octets go. */
static bool
put_field(struct edit *e, size_t at, size_t was, struct slice name, struct slice value, bool blank)
{
	const size_t end = e->text.n;
	struct buf b = { .p = e->space + end, .cap = e->text.cap - end };
	const struct slice all = value;
	size_t n;

	if (e->text.full || !is_name(name))
		return false;
	if (all.n || was == 0) {
		buf_add(&b, name);
		buf_str(&b, blank ? ": " : ":");
		do {
			const struct slice line = slice_cut(value, '\n', &value);

			add_line(&b, line, line.p == all.p);
		} while (value.n);
		buf_str(&b, "\r\n");
	}
	n = b.n;
	/* The copy needs as much room once more. */
	if (b.full || b.cap - n < n)
		return false;
	memmove(e->space + end + n, e->space + end, n);
	memmove(e->space + at + n, e->space + at + was, end - at - was);
	memcpy(e->space + at, e->space + end + n, n);
	e->text.n = end - was + n;
	e->changed = true;
	return true;
}

/* The offset of field number n, or of the end of the section. */
static size_t
offset_of(const struct edit *e, size_t n)
{
	struct slice rest = buf_slice(&e->text);
	struct field f;

	while (n-- && field_next(&rest, FIELD_TO_BROKEN_LINE, &f))
		;
	return (size_t)(rest.p - e->space);
}

bool
edit_add(struct edit *e, struct slice name, struct slice value, bool blank)
{
	return put_field(e, offset_of(e, SIZE_MAX), 0, name, value, blank);
}

bool
edit_insert(struct edit *e, size_t index, struct slice name, struct slice value, bool blank)
{
	if (!put_field(e, offset_of(e, index), 0, name, value, blank))
		return false;
	if (index <= e->own)
		e->own++;
	return true;
}

bool
edit_change(struct edit *e, size_t index, struct slice name, struct slice value, bool blank)
{
	struct slice rest = edit_fields(e);
	size_t n = 0, same = 0, at;
	struct field f;

	while (edit_next(e, &rest, &n, &f)) {
		if (!field_is(&f, name) || ++same < (index ? index : 1))
			continue;
		at = (size_t)(f.octets.p - e->space);
		if (!put_field(e, at, f.octets.n, name, value, blank))
			return false;
		if (value.n == 0 && n - 1 < e->own)
			e->own--;
		return true;
	}
	return value.n == 0 || edit_add(e, name, value, blank);
}
