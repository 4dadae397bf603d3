// SPDX-License-Identifier: ISC
/*
 * A field that is named once more than it occurs cannot be added later (RFC 6376 section 5.4.2).
 * Fields that lists and relays add or replace are signed only as they are there, or not at all.
 */
#include "message/dkim.h"

#include <assert.h>

#include "base/base64.h"
#include "base/idn.h"
#include "message/field.h"
#include "message/mailbox.h"

#define LINE_MAX_OCTETS 76	/* where a line of the field is broken */

/* ---- the body ---- */

void
dkim_body_begin(struct dkim_body *b, const struct dkim_sink *sink)
{
	b->sink = sink;
	b->empty = 0;
	b->blank = b->cr = b->line = b->simple = b->any = false;
	b->n = 0;
}

static void
flush(struct dkim_body *b)
{
	if (b->n)
		b->sink->take(b->sink->ctx, slice_of(b->block, b->n));
	b->n = 0;
}

static void
put(struct dkim_body *b, struct slice s)
{
	b->any = true;
	if (s.n > sizeof b->block - b->n)
		flush(b);
	if (s.n > sizeof b->block) {
		b->sink->take(b->sink->ctx, s);
		return;
	}
	memcpy(b->block + b->n, s.p, s.n);
	b->n += s.n;
}

/* An octet follows that stays, so all octets in front of it stay too. */
static void
keep(struct dkim_body *b)
{
	for (; b->empty; b->empty--)
		put(b, SL("\r\n"));
	if (b->blank)
		put(b, SL(" "));
	if (b->cr)
		put(b, SL("\r"));
	b->blank = b->cr = false;
	b->line = true;
}

static void
end_line(struct dkim_body *b)
{
	b->blank = b->cr = false;
	if (b->line)
		put(b, SL("\r\n"));
	else
		b->empty++;
	b->line = false;
}

/* The octets at the start of s that are neither a blank nor CR. */
static size_t
plain_octets(struct slice s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] != '\r' && s.p[n] != ' ' && s.p[n] != '\t')
		n++;
	return n;
}

/* The octets at the start of s in front of a CR. */
static size_t
octets_of_line(struct slice s)
{
	const char *cr = memchr(s.p, '\r', s.n);

	return cr ? (size_t)(cr - s.p) : s.n;
}

#define WIDE 64			/* octets that are looked at together */

/* Are WIDE octets, of which the next one is known, in their canonical form?  That is so if no blank
 * stands in front of a blank or line end, none is a tab, and no line is empty.  Compilers make few
 * instructions of these loops. */
static bool
is_canonical(const char *p, bool simple)
{
	unsigned char bad = 0;

	for (size_t i = 0; i < WIDE; i++)
		bad |= (unsigned char)((p[i] == '\r') & (p[i + 1] != '\n'));
	for (size_t i = 0; i < WIDE; i++)
		bad |= (unsigned char)((p[i] == '\n') & (p[i + 1] == '\r'));
	if (simple || bad)
		return !bad;
	for (size_t i = 0; i < WIDE; i++)
		bad |= (unsigned char)(p[i] == '\t');
	for (size_t i = 0; i < WIDE; i++)
		bad |= (unsigned char)((p[i] == ' ') & ((p[i + 1] == ' ') | (p[i + 1] == '\t') |
		    (p[i + 1] == '\r')));
	return !bad;
}

/* The octets at the start of s that stay as they are, behind an octet of a line.  The last one is
 * no blank, and is in a line. */
static size_t
canonical_octets(struct slice s, bool simple)
{
	size_t n = 0;

	while (s.n - n > WIDE && is_canonical(s.p + n, simple))
		n += WIDE;
	while (n && (ascii_blank(s.p[n - 1]) || s.p[n - 1] == '\r' || s.p[n - 1] == '\n'))
		n--;
	return n;
}

void
dkim_body_take(struct dkim_body *b, struct slice s)
{
	while (s.n) {
		size_t n = 1;

		if (b->line && !b->cr && !b->blank && s.n > WIDE &&
		    (n = canonical_octets(s, b->simple))) {
			put(b, slice_of(s.p, n));
			s = slice_skip(s, n);
			continue;
		}
		n = 1;
		if (b->cr && s.p[0] == '\n') {
			end_line(b);
		} else {
			if (b->cr)
				keep(b);
			if (s.p[0] == '\r') {
				b->cr = true;
			} else if (ascii_blank(s.p[0]) && !b->simple) {
				b->blank = true;
			} else {
				keep(b);
				n = b->simple ? octets_of_line(s) : plain_octets(s);
				put(b, slice_of(s.p, n));
			}
		}
		s = slice_skip(s, n);
	}
}

void
dkim_body_end(struct dkim_body *b)
{
	if (b->cr)
		keep(b);
	if (b->line)
		end_line(b);
	if (b->simple && !b->any)
		put(b, SL("\r\n"));
	flush(b);
}

/* ---- the header section ---- */

enum rule {
	RULE_SEALED,		/* named once more than it occurs */
	RULE_AS_IT_IS,
};

static const struct {
	struct slice name;
	enum rule rule;
} names[] = {
	{ S("from"), RULE_SEALED },
	{ S("to"), RULE_SEALED },
	{ S("cc"), RULE_SEALED },
	{ S("subject"), RULE_SEALED },
	{ S("date"), RULE_SEALED },
	{ S("message-id"), RULE_SEALED },
	{ S("reply-to"), RULE_SEALED },
	{ S("mime-version"), RULE_SEALED },
	{ S("content-type"), RULE_SEALED },
	{ S("content-transfer-encoding"), RULE_SEALED },
	{ S("content-disposition"), RULE_SEALED },
	{ S("content-id"), RULE_SEALED },
	{ S("content-description"), RULE_SEALED },
	{ S("content-language"), RULE_SEALED },
	{ S("in-reply-to"), RULE_AS_IT_IS },
	{ S("references"), RULE_AS_IT_IS },
	{ S("auto-submitted"), RULE_AS_IT_IS },
	{ S("list-id"), RULE_AS_IT_IS },
	{ S("list-help"), RULE_AS_IT_IS },
	{ S("list-owner"), RULE_AS_IT_IS },
	{ S("list-post"), RULE_AS_IT_IS },
	{ S("list-archive"), RULE_AS_IT_IS },
	{ S("list-subscribe"), RULE_AS_IT_IS },
	{ S("list-unsubscribe"), RULE_AS_IT_IS },
	{ S("list-unsubscribe-post"), RULE_AS_IT_IS },
};

static_assert(sizeof names / sizeof names[0] == DKIM_NAMES, "each name has a row");

/* Put octets without line ends, each run of blanks as one space.  *blank: blanks are not put yet.
 * *any: an octet was put. */
static void
put_folded(struct slice s, bool *blank, bool *any, const struct dkim_sink *sink)
{
	while (s.n) {
		size_t n = 0;

		while (n < s.n && (ascii_blank(s.p[n]) || s.p[n] == '\r' || s.p[n] == '\n'))
			*blank |= ascii_blank(s.p[n++]);
		s = slice_skip(s, n);
		n = 0;
		while (n < s.n && !ascii_blank(s.p[n]) && s.p[n] != '\r' && s.p[n] != '\n')
			n++;
		if (n == 0)
			return;
		if (*blank && *any)
			sink->take(sink->ctx, SL(" "));
		sink->take(sink->ctx, slice_of(s.p, n));
		*blank = false;
		*any = true;
		s = slice_skip(s, n);
	}
}

static void
put_field(struct slice name, struct slice body, const struct dkim_sink *sink)
{
	bool blank = false, any = false;

	for (size_t i = 0; i < name.n; i++) {
		const char c = ascii_lower(name.p[i]);

		sink->take(sink->ctx, slice_of(&c, 1));
	}
	sink->take(sink->ctx, SL(":"));
	put_folded(body, &blank, &any, sink);
}

void
dkim_field(struct slice name, struct slice body, const struct dkim_sink *sink)
{
	put_field(name, body, sink);
	sink->take(sink->ctx, SL("\r\n"));
}

static size_t
find_name(struct slice name)
{
	size_t i = 0;

	while (i < DKIM_NAMES && !slice_ieq(names[i].name, name))
		i++;
	return i;
}

const char *
dkim_header(struct slice section, struct dkim_header *ret)
{
	struct slice rest = section;
	struct field f;

	memset(ret->n, 0, sizeof ret->n);
	while (field_next(&rest, FIELD_TO_EMPTY_LINE, &f)) {
		const size_t i = find_name(f.name);

		if (f.name.n == 0)
			return "a line of its header section is no field";
		if (i == DKIM_NAMES)
			continue;
		if (ret->n[i] == DKIM_SAME_MAX)
			return "it has a field too often";
		ret->fields[i][ret->n[i]].name = f.name;
		ret->fields[i][ret->n[i]++].body = f.body;
	}
	if (ret->n[0] != 1)
		return ret->n[0] ? "it has several From fields" : "it has no From field";
	return NULL;
}

struct slice
dkim_author(const struct dkim_header *h, struct buf *space)
{
	struct slice rest = h->fields[0][0].body, domain = { 0 }, element;
	enum mailbox_result r;

	do {
		const size_t start = space->n;
		struct slice address, host = { 0 };

		r = mailbox_next(&rest, space, &element);
		address = slice_of(space->p + start, space->n - start);
		for (size_t i = 0; i < address.n; i++)
			if (address.p[i] == '@')
				host = slice_skip(address, i + 1);
		if (r == MAILBOX_BAD || (r == MAILBOX_FOUND && host.n == 0) ||
		    (domain.n && host.n && !idn_same(domain, host)))
			return slice_of(NULL, 0);
		if (host.n)
			domain = host;
	} while (r == MAILBOX_FOUND);
	return space->full ? slice_of(NULL, 0) : domain;
}

/* Fields of one name count from the last one (RFC 6376 section 5.4.2). */
void
dkim_header_put(const struct dkim_header *h, const struct dkim_sink *sink)
{
	for (size_t i = 0; i < DKIM_NAMES; i++)
		for (size_t k = h->n[i]; k > 0; k--)
			dkim_field(h->fields[i][k - 1].name, h->fields[i][k - 1].body, sink);
}

/* ---- the field ---- */

/* Append a part of a line that may be broken in front of it. */
static void
add_folded(struct buf *b, size_t *line, struct slice part)
{
	if (*line + part.n > LINE_MAX_OCTETS) {
		buf_str(b, "\r\n\t");
		*line = 8;
	}
	buf_add(b, part);
	*line += part.n;
}

static void
add_names(struct buf *b, const struct dkim_header *h)
{
	size_t line = 8 + 2;
	bool first = true;

	for (size_t i = 0; i < DKIM_NAMES; i++) {
		const size_t times = h->n[i] + (names[i].rule == RULE_SEALED);

		for (size_t k = 0; k < times; k++) {
			if (!first)
				add_folded(b, &line, SL(":"));
			add_folded(b, &line, names[i].name);
			first = false;
		}
	}
}

void
dkim_sign_begin(struct buf *b, const struct dkim_tags *tags, const struct dkim_header *h)
{
	buf_str(b, "DKIM-Signature: v=1; a=");
	buf_str(b, tags->algorithm);
	buf_str(b, "; c=relaxed/relaxed; t=");
	buf_uint(b, tags->time_s);
	buf_str(b, ";\r\n\td=");
	buf_add(b, tags->domain);
	buf_str(b, ";\r\n\ts=");
	buf_add(b, tags->selector);
	buf_str(b, ";\r\n\th=");
	add_names(b, h);
	buf_str(b, ";\r\n\tbh=");
	base64_encode(b, tags->body_hash);
	buf_str(b, ";\r\n\tb=");
}

void
dkim_sign_put(struct slice field, const struct dkim_sink *sink)
{
	struct slice body, name = slice_cut(field, ':', &body);

	put_field(name, body, sink);
}

void
dkim_sign_end(struct buf *b, struct slice signature)
{
	size_t line = 8 + 2;

	for (size_t i = 0; i < signature.n; i += 3) {
		const size_t n = signature.n - i < 3 ? signature.n - i : 3;
		char space[4];
		struct buf text = BUF(space);

		base64_encode(&text, slice_of(signature.p + i, n));
		add_folded(b, &line, buf_slice(&text));
	}
	buf_str(b, "\r\n");
}

bool
dkim_fields_valid(struct slice octets)
{
	const struct slice start = SL("DKIM-Signature: ");
	struct slice rest = octets;

	while (rest.n) {
		struct slice after, line = slice_cut(rest, '\n', &after);

		if (line.n == rest.n || line.n < 2 || line.n > 998 || line.p[line.n - 1] != '\r')
			return false;
		if (line.p[0] != '\t' && !slice_has_prefix(line, start))
			return false;
		if (rest.p == octets.p && line.p[0] == '\t')
			return false;
		for (size_t i = 0; i + 1 < line.n; i++)
			if ((line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] > '~')
				return false;
		rest = after;
	}
	return octets.n > 0;
}
