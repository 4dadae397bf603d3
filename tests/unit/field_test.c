// SPDX-License-Identifier: ISC
/*
 * The walker over header fields: each row whole, cut in two at every place, and octet by octet.
 */
#include "message/field.h"

#include "base/buf.h"
#include "tests/lib/tap.h"

/* fields: "name|body|" of each field; a broken line is "|the line|".  Line ends are left out. */
static const struct row {
	const char *name;
	struct slice in;
	const char *fields;		/* by FIELD_TO_EMPTY_LINE */
	const char *sure;		/* by FIELD_TO_BROKEN_LINE; NULL: the same */
	size_t left;			/* octets after the section, by FIELD_TO_EMPTY_LINE */
	unsigned wanted;		/* fields with the name "To" */
} rows[] = {
	{ .name = "nothing", .in = S(""), .fields = "" },
	{ .name = "one field", .in = S("A: b\r\n"), .fields = "A| b|" },
	{ .name = "two fields and a body",
	  .in = S("A: b\r\nC:d\r\n\r\nTo: x\r\n"), .fields = "A| b|C|d|", .left = 9 },
	{ .name = "lines that end in LF",
	  .in = S("A: b\nTo:d\n\nTo: x\n"), .fields = "A| b|To|d|", .left = 7, .wanted = 1 },
	{ .name = "nothing but a body", .in = S("\r\nTo: x\r\n"), .fields = "", .left = 9 },
	{ .name = "no empty line",
	  .in = S("To: x\r\nTo: y"), .fields = "To| x|To| y|", .wanted = 2 },
	{ .name = "folded lines",
	  .in = S("To: a,\r\n\tb,\r\n c\r\nX:\r\n To: y\r\n\r\n"),
	  .fields = "To| a,\tb, c|X| To: y|", .left = 2, .wanted = 1 },
	{ .name = "a folded line of blanks only",
	  .in = S("To: a\r\n \r\nX: y\r\n"), .fields = "To| a |X| y|", .wanted = 1 },
	{ .name = "any case",
	  .in = S("TO: a\r\nto: b\r\nt: c\r\n"), .fields = "TO| a|to| b|t| c|", .wanted = 2 },
	{ .name = "blanks in front of the colon",
	  .in = S("To \t : a\r\nTo\t:b\r\n"), .fields = "To| a|To|b|", .wanted = 2 },
	{ .name = "other names",
	  .in = S("Too: a\r\nTa: b\r\nT: c\r\nX-To: d\r\nTo-: e\r\n"),
	  .fields = "Too| a|Ta| b|T| c|X-To| d|To-| e|" },
	{ .name = "empty bodies", .in = S("A:\r\nB: \r\nC:"), .fields = "A||B| |C||" },
	{ .name = "colons in the body", .in = S("A:: b:\r\n"), .fields = "A|: b:|" },
	{ .name = "all octets in the body",
	  .in = S("A: \0\x01\xff\r\nTo: b\r\n"), .fields = "A| ?\x01\xff|To| b|", .wanted = 1 },
	{ .name = "CRs in the body",
	  .in = S("A: b\r\r\nTo: c\rd\r\n"), .fields = "A| b|To| cd|", .wanted = 1 },
	{ .name = "broken: no colon in the first line",
	  .in = S("hello\r\nTo: a\r\n\r\nx"), .fields = "|hello|To| a|", .sure = "", .left = 3,
	  .wanted = 1 },
	{ .name = "broken: no colon in a later line",
	  .in = S("A: b\r\nhello\r\n x\r\nTo: a\r\n\r\n"), .fields = "A| b||hello x|To| a|",
	  .sure = "A| b|", .left = 2, .wanted = 1 },
	{ .name = "broken: a blank in front of the first field",
	  .in = S(" To: a\r\nTo: b\r\n\r\n"), .fields = "| To: a|To| b|", .sure = "", .left = 2,
	  .wanted = 1 },
	{ .name = "broken: the line of a mailbox file",
	  .in = S("From joe Mon Jan  1\r\nTo: a\r\n\r\n"), .fields = "|From joe Mon Jan  1|To| a|",
	  .sure = "", .left = 2, .wanted = 1 },
	{ .name = "broken: the same with a time",
	  .in = S("From joe 00:00:00\r\nTo: a\r\n\r\n"), .fields = "|From joe 00:00:00|To| a|",
	  .sure = "", .left = 2, .wanted = 1 },
	{ .name = "broken: the same, quoted",
	  .in = S(">From joe 00:00:00\r\nTo: a\r\n"), .fields = "|>From joe 00:00:00|To| a|",
	  .sure = "", .wanted = 1 },
	{ .name = "broken: a colon without a name",
	  .in = S(": a\r\nTo: b\r\n"), .fields = "|: a|To| b|", .sure = "", .wanted = 1 },
	{ .name = "broken: an octet above 127 in a name",
	  .in = S("T\xff: a\r\nTo\xff: b\r\n"), .fields = "|T\xff: a||To\xff: b|", .sure = "" },
	{ .name = "broken: a NUL in a name",
	  .in = S("T\0o: a\r\nTo: b\r\n"), .fields = "|T?o: a|To| b|", .sure = "", .wanted = 1 },
	{ .name = "broken: the octets end in a name",
	  .in = S("A: b\r\nTo"), .fields = "A| b||To|", .sure = "A| b|" },
	{ .name = "broken: the octets end after a name",
	  .in = S("A: b\r\nTo "), .fields = "A| b||To |", .sure = "A| b|" },
	{ .name = "a line that begins with CR ends the section",
	  .in = S("A: b\r\n\rTo: x\r\n"), .fields = "A| b|", .left = 8 },
};

/* Put s into b without line ends, and with a '?' for NUL: is() compares C strings. */
static void
add_octets(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\r' && s.p[i] != '\n')
			buf_chr(b, s.p[i] ? s.p[i] : '?');
}

/* The fields as field_next() finds them.  False if a field has octets that are not its own. */
static bool
list_fields(struct slice in, enum field_rule rule, struct buf *b, struct slice *ret_rest)
{
	struct field f;
	bool fine = true;

	*ret_rest = in;
	while (field_next(ret_rest, rule, &f)) {
		fine = fine && f.octets.n > 0 && f.octets.p + f.octets.n == ret_rest->p;
		add_octets(b, f.name);
		buf_chr(b, '|');
		add_octets(b, f.name.n ? f.body : f.octets);
		buf_chr(b, '|');
		if (f.name.n)
			fine = fine && f.name.p == f.octets.p &&
			    f.body.p + f.body.n == ret_rest->p && f.body.p[-1] == ':';
	}
	return fine;
}

/* The part of each octet: n, b, x or o; a capital where a field or a broken line begins. */
struct stream {
	char tags[256];
	size_t n;
	unsigned wanted;
};

static void
stream_octets(struct stream *s, struct field_walk *w, struct slice in)
{
	static const char kinds[] = {
		[FIELD_NAME] = 'n', [FIELD_BODY] = 'b', [FIELD_BROKEN] = 'x', [FIELD_OVER] = 'o',
	};

	while (in.n) {
		struct slice piece;
		const enum field_part part = field_take(w, &in, &piece);

		memset(s->tags + s->n, kinds[part], piece.n);
		if (w->first && part != FIELD_OVER)
			s->tags[s->n] = (char)(kinds[part] - 'a' + 'A');
		s->n += piece.n;
		s->wanted += part == FIELD_NAME && field_found(w);
	}
}

static void
stream(struct stream *s, enum field_rule rule, struct slice in, size_t first, size_t rest)
{
	struct field_walk w;

	*s = (struct stream){ 0 };
	field_begin(&w, rule, SL("To"));
	stream_octets(s, &w, slice_of(in.p, first));
	for (in = slice_skip(in, first); in.n; in = slice_skip(in, rest))
		stream_octets(s, &w, slice_of(in.p, in.n < rest ? in.n : rest));
}

/* Do the octets of a stream belong to the fields that field_next() finds? */
static bool
tags_agree(const struct stream *s, enum field_rule rule, struct slice in)
{
	struct slice rest = in;
	struct field f;
	bool fine = true;
	size_t at = 0;

	while (field_next(&rest, rule, &f)) {
		const size_t body = f.name.n ? (size_t)(f.body.p - in.p) : at + f.octets.n;

		fine = fine && s->tags[at] == (f.name.n || s->tags[at] == 'N' ? 'N' : 'X');
		for (size_t i = at + 1; i < at + f.octets.n; i++) {
			const char tag = s->tags[i];

			fine = fine &&
			    (i >= body ? tag == 'b' : tag == 'n' || (!f.name.n && tag == 'x'));
		}
		at += f.octets.n;
	}
	if (rule == FIELD_TO_BROKEN_LINE && s->tags[at] == 'N')
		for (at++; at < in.n && s->tags[at] == 'n';)
			at++;
	while (at < in.n)
		fine = fine && s->tags[at++] == 'o';
	return fine && s->n == in.n;
}

static bool
streams_agree(enum field_rule rule, struct slice in)
{
	struct stream whole, cut;
	bool fine;

	stream(&whole, rule, in, in.n, 1);
	fine = tags_agree(&whole, rule, in);
	for (size_t at = 0; at <= in.n; at++) {
		stream(&cut, rule, in, at, in.n);
		fine = fine && memcmp(&cut, &whole, sizeof cut) == 0;
	}
	stream(&cut, rule, in, 0, 1);
	return fine && memcmp(&cut, &whole, sizeof cut) == 0;
}

static void
test_fields(const struct row *row)
{
	const char *sure = row->sure ? row->sure : row->fields;
	char space[256];
	struct buf b = BUF(space);
	struct slice rest;
	struct stream s;
	bool fine;

	fine = list_fields(row->in, FIELD_TO_EMPTY_LINE, &b, &rest);
	is(buf_slice(&b), slice_str(row->fields), row->name);
	ok(fine && rest.n == row->left, "its octets: %s", row->name);
	b.n = 0;
	fine = list_fields(row->in, FIELD_TO_BROKEN_LINE, &b, &rest);
	is(buf_slice(&b), slice_str(sure), row->name);
	ok(fine && (row->sure || rest.n == row->left),
	    "its octets up to a broken line: %s", row->name);
	stream(&s, FIELD_TO_EMPTY_LINE, row->in, row->in.n, 1);
	ok(s.wanted == row->wanted, "%u wanted fields: %s", s.wanted, row->name);
	ok(streams_agree(FIELD_TO_EMPTY_LINE, row->in) &&
	    streams_agree(FIELD_TO_BROKEN_LINE, row->in), "however it is cut: %s", row->name);
}

static const struct value {
	const char *name, *field, *want;
} values[] = {
	{ .name = "blanks around it", .field = "A: \t b \r\n", .want = "b" },
	{ .name = "no line end", .field = "A:b", .want = "b" },
	{ .name = "a line end inside", .field = "A: b\r\n c\r\n", .want = "b\r\n c" },
	{ .name = "line ends around it", .field = "A:\r\n b \r\n \t\r\n", .want = "b" },
	{ .name = "nothing", .field = "A:\r\n", .want = "" },
	{ .name = "nothing at the end", .field = "A:", .want = "" },
};

/* The header section in the first octets of a message; more octets may follow. */
static const struct section {
	const char *name, *in, *want;
	bool complete, whole;
} sections[] = {
	{ .name = "an empty line", .in = "A: b\r\n\r\nC: d", .want = "A: b\r\n", .whole = true },
	{ .name = "an empty line and no more",
	  .in = "A: b\r\n\r\n", .want = "A: b\r\n", .complete = true, .whole = true },
	{ .name = "only a section",
	  .in = "A: b\r\n", .want = "A: b\r\n", .complete = true, .whole = true },
	{ .name = "no line end",
	  .in = "A: b\r\nC", .want = "A: b\r\nC", .complete = true, .whole = true },
	{ .name = "a line that is cut", .in = "A: b\r\nC: d", .want = "A: b\r\n" },
	{ .name = "a name that is cut", .in = "A: b\r\nC", .want = "A: b\r\n" },
	{ .name = "cut after a line", .in = "A: b\r\n", .want = "A: b\r\n" },
	{ .name = "cut in the first line", .in = "A: b", .want = "" },
	{ .name = "a broken line",
	  .in = "A: b\r\nhello\r\nC: d\r\n\r\nx", .want = "A: b\r\nhello\r\nC: d\r\n",
	  .whole = true },
	{ .name = "nothing", .in = "", .want = "", .complete = true, .whole = true },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		test_fields(&rows[i]);
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct slice in = slice_str(values[i].field);
		struct field f;

		if (ok(field_next(&in, FIELD_TO_EMPTY_LINE, &f) && field_is(&f, SL("a")) &&
		    !field_is(&f, SL("b")), "a value: %s", values[i].name))
			is(field_value(&f), slice_str(values[i].want), values[i].name);
	}
	for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
		const struct section *s = &sections[i];
		struct slice got;
		bool whole;

		got = field_section(slice_str(s->in), s->complete, &whole);
		is(got, slice_str(s->want), s->name);
		ok(whole == s->whole, "whole or not: %s", s->name);
	}
	return tap_done();
}
