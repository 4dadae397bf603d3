// SPDX-License-Identifier: ISC
/*
 * The parser is tolerant: an entity with a Content-Type that it does not understand is a text.
 */
#include "message/entity.h"

#include "message/field.h"

/* Blanks, folds and comments (RFC 5322 section 3.2.2).  A blank will replace NUL. */
static struct slice
skip_cfws(struct slice s)
{
	unsigned depth = 0;

	while (s.n) {
		const char c = s.p[0];

		if (c == '(') {
			depth++;
		} else if (depth && c == ')') {
			depth--;
		} else if (depth && c == '\\') {
			s = slice_skip(s, 1);
		} else if (!depth && c != '\0' && !ascii_blank(c) && c != '\r' && c != '\n') {
			break;
		}
		s = slice_skip(s, 1);
	}
	return s;
}

static bool
token_octet(char c)
{
	return c > ' ' && c < 127 && !strchr("()<>@,;:\\\"/[]?=", c);
}

static struct slice
take_token(struct slice *s)
{
	size_t n = 0;

	*s = skip_cfws(*s);
	while (n < s->n && token_octet(s->p[n]))
		n++;
	*s = slice_skip(*s, n);
	return slice_of(s->p - n, n);
}

/* A token, or a quoted string without its quotes. */
static void
take_value(struct slice *s, struct buf *b)
{
	bool quoted;

	*s = skip_cfws(*s);
	quoted = s->n && s->p[0] == '"';
	if (!quoted) {
		buf_add(b, take_token(s));
		return;
	}
	for (*s = slice_skip(*s, 1); s->n && s->p[0] != '"'; *s = slice_skip(*s, 1)) {
		if (s->p[0] == '\\')
			*s = slice_skip(*s, 1);
		if (s->n && s->p[0] != '\r' && s->p[0] != '\n')
			buf_chr(b, s->p[0] ? s->p[0] : ' ');
	}
	*s = slice_skip(*s, 1);
}

static bool
take_char(struct slice *s, char c)
{
	*s = skip_cfws(*s);
	if (!s->n || s->p[0] != c)
		return false;
	*s = slice_skip(*s, 1);
	return true;
}

static void
find_boundary(struct slice params, struct mime_entity *e)
{
	while (take_char(&params, ';')) {
		struct slice name = take_token(&params);
		char text[MIME_BOUNDARY_MAX];
		struct buf value = BUF(text);

		if (!take_char(&params, '='))
			return;
		take_value(&params, &value);
		if (!slice_ieq(name, SL("boundary")))
			continue;
		while (value.n && value.p[value.n - 1] == ' ')
			value.n--;
		if (value.full)
			return;
		memcpy(e->boundary, text, value.n);
		e->boundary[value.n] = '\0';
		return;
	}
}

static void
set_type(struct mime_entity *e, struct slice value)
{
	struct slice rest = value, type = take_token(&rest), subtype;

	if (e->has_type || !take_char(&rest, '/'))
		return;
	subtype = take_token(&rest);
	e->has_type = true;
	e->kind = MIME_OTHER;
	if (slice_ieq(type, SL("text"))) {
		e->kind = MIME_TEXT;
	} else if (slice_ieq(type, SL("multipart"))) {
		e->kind = MIME_MULTIPART;
		e->digest = slice_ieq(subtype, SL("digest"));
		find_boundary(rest, e);
	} else if (slice_ieq(type, SL("message"))) {
		if (slice_ieq(subtype, SL("rfc822")))
			e->kind = MIME_MESSAGE;
		else if (slice_ieq(subtype, SL("partial")))
			e->kind = MIME_FRAGMENT;
		else if (!slice_ieq(subtype, SL("global")))
			e->kind = MIME_TEXT;	/* reports */
	}
}

static void
set_encoding(struct mime_entity *e, struct slice value)
{
	const struct slice name = take_token(&value);

	if (slice_ieq(name, SL("quoted-printable")))
		e->encoding = MIME_QUOTED_PRINTABLE;
	else if (slice_ieq(name, SL("base64")))
		e->encoding = MIME_BASE64;
	else if (slice_ieq(name, SL("7bit")) || slice_ieq(name, SL("8bit")) ||
	    slice_ieq(name, SL("binary")))
		e->encoding = MIME_IDENTITY;
	else
		e->encoding = MIME_UNKNOWN;
}

/* Octets of the empty line at the start of rest; 0: there is none. */
static size_t
empty_line(struct slice rest)
{
	if (slice_has_prefix(rest, SL("\r\n")))
		return 2;
	return slice_has_prefix(rest, SL("\n"));
}

void
mime_entity_parse(struct slice octets, bool in_digest, struct mime_entity *ret)
{
	struct slice rest = octets;
	struct field f;

	*ret = (struct mime_entity){ .kind = in_digest ? MIME_MESSAGE : MIME_TEXT };
	while (field_next(&rest, FIELD_TO_EMPTY_LINE, &f)) {
		if (field_is(&f, SL("Content-Type")))
			set_type(ret, field_value(&f));
		else if (field_is(&f, SL("Content-Transfer-Encoding")))
			set_encoding(ret, field_value(&f));
		else if (field_is(&f, SL("MIME-Version")))
			ret->has_version = true;
	}
	ret->header = slice_of(octets.p, octets.n - rest.n);
	ret->blank = slice_of(rest.p, empty_line(rest));
	ret->body = slice_skip(rest, ret->blank.n);
}

/* "--boundary" and blanks, or "--boundary--" and blanks. */
static bool
is_delimiter(struct slice line, struct slice boundary, bool *ret_last)
{
	struct slice rest;

	if (!slice_has_prefix(line, SL("--")) || !slice_has_prefix(slice_skip(line, 2), boundary))
		return false;
	rest = slice_skip(line, 2 + boundary.n);
	*ret_last = slice_has_prefix(rest, SL("--"));
	if (*ret_last)
		rest = slice_skip(rest, 2);
	while (rest.n && ascii_blank(rest.p[0]))
		rest = slice_skip(rest, 1);
	return rest.n == 0 || slice_eq(rest, SL("\r\n"));
}

/* The first line of s, with its line end. */
static struct slice
first_line(struct slice s)
{
	const char *lf = s.n ? memchr(s.p, '\n', s.n) : NULL;

	return lf ? slice_of(s.p, (size_t)(lf - s.p) + 1) : s;
}

/* The first n octets of s are whole lines. */
static bool
ends_line(struct slice s, size_t n)
{
	return n == 0 || (n > 1 && s.p[n - 2] == '\r' && s.p[n - 1] == '\n');
}

bool
mime_next_piece(struct mime_pieces *pieces, const char *boundary, enum mime_piece *ret_kind,
    struct slice *ret_piece, struct slice *ret_delimiter)
{
	struct slice all = pieces->rest, rest = all, line;
	bool last = false, found = false;
	size_t end;

	if (pieces->next == MIME_NO_MORE)
		return false;
	while (rest.n && pieces->next != MIME_EPILOGUE) {
		line = first_line(rest);
		found = ends_line(all, all.n - rest.n) &&
		    is_delimiter(line, slice_str(boundary), &last);
		if (found)
			break;
		rest = slice_skip(rest, line.n);
	}
	*ret_kind = pieces->next;
	if (!found) {
		*ret_piece = all;
		*ret_delimiter = slice_of(all.p + all.n, 0);
		pieces->rest = *ret_delimiter;
		pieces->next = MIME_NO_MORE;
		return true;
	}
	end = all.n - rest.n;
	if (end)
		end -= 2;
	*ret_piece = slice_of(all.p, end);
	*ret_delimiter = slice_of(all.p + end, all.n - rest.n - end + line.n);
	pieces->rest = slice_skip(rest, line.n);
	pieces->next = last ? MIME_EPILOGUE : MIME_PART;
	return true;
}
