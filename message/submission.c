// SPDX-License-Identifier: ISC
/*
 * The header section of a submitted message.  Nothing that is there is changed but addresses without a
 * domain; what is no header field ends the work, and the rest goes out as it came.  Pure.  Called by message.c.
 */
#include "message/submission.h"

#include "base/clock.h"

void
submission_begin(struct submission *s, struct slice hostname, struct slice id, int64_t time_s, qualify_put *put, void *ctx)
{
	s->hostname = hostname;
	s->id = id;
	s->time_s = time_s;
	s->put = put;
	s->ctx = ctx;
	s->passing = false;
	s->header = (struct buf)BUF(s->space);
}

/* Octets of the field that rest begins with, its folded lines included; 0 when it begins with none. */
static size_t
field_length(struct slice rest, struct slice *ret_name)
{
	size_t n = 0;

	while (n < rest.n && rest.p[n] > ' ' && rest.p[n] <= '~' && rest.p[n] != ':')
		n++;
	*ret_name = slice_of(rest.p, n);
	while (n < rest.n && ascii_blank(rest.p[n]))	/* RFC 5322 section 4.5 */
		n++;
	if (ret_name->n == 0 || n == rest.n || rest.p[n] != ':')
		return 0;
	for (;;) {
		const char *lf = memchr(rest.p + n, '\n', rest.n - n);

		if (!lf)
			return rest.n;
		n = (size_t)(lf - rest.p) + 1;
		if (n == rest.n || !ascii_blank(rest.p[n]))
			return n;
	}
}

static bool
has_addresses(struct slice name)
{
	static const struct slice names[] = {
		S("From"), S("Sender"), S("Reply-To"), S("To"), S("Cc"), S("Bcc"), S("Resent-From"), S("Resent-Sender"),
		S("Resent-Reply-To"), S("Resent-To"), S("Resent-Cc"), S("Resent-Bcc"),
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (slice_ieq(name, names[i]))
			return true;
	return false;
}

static void
add_missing(struct submission *s)
{
	struct slice rest = buf_slice(&s->header), name;
	bool date = false, id = false;
	char space[512];
	struct buf b = BUF(space);
	size_t n;

	while ((n = field_length(rest, &name))) {
		date = date || slice_ieq(name, SL("Date"));
		id = id || slice_ieq(name, SL("Message-ID"));
		rest = slice_skip(rest, n);
	}
	if (!date) {
		buf_str(&b, "Date: ");
		clock_mail_date(&b, s->time_s);
		buf_str(&b, "\r\n");
	}
	if (!id) {
		buf_str(&b, "Message-ID: <");
		buf_add(&b, s->id);
		buf_chr(&b, '@');
		buf_add(&b, s->hostname);
		buf_str(&b, ">\r\n");
	}
	if (!b.full)
		s->put(s->ctx, buf_slice(&b));
}

static void
put_header(struct submission *s)
{
	struct slice rest = buf_slice(&s->header), name;
	size_t n;

	add_missing(s);
	while ((n = field_length(rest, &name))) {
		struct slice field = slice_of(rest.p, n), body;

		rest = slice_skip(rest, n);
		if (!has_addresses(name)) {
			s->put(s->ctx, field);
			continue;
		}
		(void)slice_cut(field, ':', &body);
		s->put(s->ctx, slice_of(field.p, field.n - body.n));
		qualify_addresses(body, s->hostname, s->put, s->ctx);
	}
	s->put(s->ctx, rest);
}

/* Octets of it up to and with the empty line behind the header section; 0 when that is still to come.  `from` were looked at. */
static size_t
header_end(struct slice text, size_t from)
{
	size_t at = from < 3 ? 0 : from - 3;

	if (slice_has_prefix(text, SL("\r\n")))
		return 2;
	while (at < text.n) {
		const char *lf = memchr(text.p + at, '\n', text.n - at);

		if (!lf)
			return 0;
		at = (size_t)(lf - text.p) + 1;
		if (slice_has_prefix(slice_skip(text, at), SL("\r\n")))
			return at + 2;
	}
	return 0;
}

void
submission_content(struct submission *s, struct slice octets)
{
	const size_t had = s->header.n, room = s->header.cap - had;
	const struct slice part = slice_of(octets.p, octets.n < room ? octets.n : room);
	size_t end;

	if (s->passing) {
		s->put(s->ctx, octets);
		return;
	}
	buf_add(&s->header, part);
	end = header_end(buf_slice(&s->header), had);
	if (end) {
		s->header.n = end;
		put_header(s);
		octets = slice_skip(octets, end - had);
	} else if (s->header.n == s->header.cap) {
		s->put(s->ctx, buf_slice(&s->header));
		octets = slice_skip(octets, part.n);
	} else {
		return;
	}
	s->passing = true;
	s->put(s->ctx, octets);
}

void
submission_end(struct submission *s)
{
	if (!s->passing)
		put_header(s);
	s->passing = true;
}
