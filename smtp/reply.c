// SPDX-License-Identifier: ISC
/*
 * Replies on the wire, both ways.  No reply has a meaning here.
 */
#include "smtp/reply.h"

#include <assert.h>

#include "base/utf8.h"

#define LINE_TEXT (SMTP_REPLY_LINE - 6)	/* without "250 " and CRLF */

static_assert(SMTP_PEER_TEXT >= SMTP_REPLY_LINE, "a first line of legal length is kept whole");

/*
 * Add s to b with '?' for each unprintable octet and a blank for a tab: neither an address nor a
 * peer can forge a line.  At most max octets, and whole characters only.
 */
static void
put_clean(struct buf *b, struct slice s, size_t max)
{
	while (s.n) {
		size_t n = utf8_printable(s);
		struct slice c = n ? slice_of(s.p, n) : s.p[0] == '\t' ? SL(" ") : SL("?");

		if (c.n > max)
			break;
		buf_add(b, c);
		max -= c.n;
		s = slice_skip(s, n ? n : 1);
	}
}

void
smtp_reply_format(struct buf *b, const struct smtp_reply *r)
{
	struct slice rest = r->text;
	bool more;

	do {
		struct slice line = slice_cut(rest, '\n', &rest);

		more = rest.n > 0;
		buf_uint(b, (unsigned)r->code);
		buf_chr(b, more ? '-' : ' ');
		put_clean(b, line, LINE_TEXT);
		buf_str(b, "\r\n");
	} while (more);
}

void
smtp_peer_reply_init(struct smtp_peer_reply *r)
{
	r->code = 0;
	r->lines = 0;
	r->octets = 0;
	r->malformed = r->endless = false;
	r->text = (struct buf)BUF(r->space);
}

void
smtp_peer_reply_copy(struct smtp_peer_reply *to, const struct smtp_peer_reply *from)
{
	*to = *from;
	to->text.p = to->space;
}

/* A line that does not fit is dropped, not cut: half of "SIZE 52428800" is a wrong number. */
static void
keep_line(struct smtp_peer_reply *r, struct slice text)
{
	size_t room = r->text.cap - r->text.n;

	if (r->lines == 1) {
		put_clean(&r->text, text, room);
		return;
	}
	if (text.n + 1 > room)
		r->text.full = true;
	buf_chr(&r->text, '\n');
	put_clean(&r->text, text, room);
}

/* The octets in front of the text of a line, or 0 if the line is no reply.  Some servers write no
 * blank behind the code, as in "250Ok". */
static size_t
text_start(struct slice line)
{
	if (line.n == 3)
		return 3;
	if (line.p[3] == ' ' || line.p[3] == '-' || line.p[3] == '\t')
		return 4;
	return (line.p[3] | 0x20) >= 'a' && (line.p[3] | 0x20) <= 'z' ? 3 : 0;
}

bool
smtp_peer_reply_line(struct smtp_peer_reply *r, struct slice line)
{
	bool last = line.n <= 3 || line.p[3] != '-';
	uint64_t code;

	r->octets += line.n + 2;
	r->endless = ++r->lines > SMTP_PEER_LINES || r->octets > SMTP_PEER_OCTETS;
	if (line.n < 3 || !slice_uint(slice_of(line.p, 3), 599, &code) || code < 200 ||
	    text_start(line) == 0 || r->endless) {
		r->malformed = true;
		return true;
	}
	/* Lines of one class have one meaning. */
	if (r->lines > 1 && r->code / 100 != (int)code / 100)
		r->malformed = true;
	r->code = (int)code;
	keep_line(r, slice_skip(line, text_start(line)));
	return last;
}

void
smtp_peer_reply_text(struct buf *b, struct slice line)
{
	put_clean(b, slice_skip(line, text_start(line)), b->cap - b->n);
}

static size_t
number(struct slice s, size_t max)
{
	size_t n = 0;

	while (n < s.n && n < max && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n;
}

struct slice
smtp_peer_reply_status(const struct smtp_peer_reply *r)
{
	struct slice none = slice_of(r->text.p, 0), rest = buf_slice(&r->text);
	size_t part;

	if (rest.n < 2 || rest.p[0] != '0' + r->code / 100 || !strchr("245", rest.p[0]) ||
	    rest.p[1] != '.')
		return none;
	rest = slice_skip(rest, 2);
	part = number(rest, 3);
	if (part == 0 || part == rest.n || rest.p[part] != '.')
		return none;
	rest = slice_skip(rest, part + 1);
	part = number(rest, 3);
	rest = slice_skip(rest, part);
	if (part == 0 || (rest.n && rest.p[0] != ' ' && rest.p[0] != '\n'))
		return none;
	return slice_of(r->text.p, r->text.n - rest.n);
}

/* Courier has only words for it, behind 431 or 531. */
static bool
names_too_many(const struct smtp_peer_reply *r)
{
	const struct slice text = buf_slice(&r->text);

	for (size_t i = 0; r->code >= 400 && i < text.n; i++)
		if (slice_has_iprefix(slice_skip(text, i), SL("too many recipients")))
			return true;
	return false;
}

bool
smtp_peer_reply_too_many(const struct smtp_peer_reply *r)
{
	const struct slice status = smtp_peer_reply_status(r);

	return r->code == 452 || r->code == 552 ||
	    (status.n == 5 && slice_eq(slice_skip(status, 1), SL(".5.3"))) || names_too_many(r);
}
