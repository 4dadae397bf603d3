// SPDX-License-Identifier: ISC
/*
 * The header section of a submitted message.  Only addresses without a domain are changed.  A
 * broken line ends the section: a field behind it may be text.
 */
#include "message/submission.h"

#include "base/clock.h"

void
submission_begin(struct submission *s, struct slice hostname, struct slice id, int64_t time_s,
    qualify_put *put, void *ctx)
{
	s->hostname = hostname;
	s->id = id;
	s->time_s = time_s;
	s->put = put;
	s->ctx = ctx;
	s->passing = false;
	field_begin(&s->fields, FIELD_TO_BROKEN_LINE, SL(""));
	s->header = (struct buf)BUF(s->space);
}

static bool
has_addresses(struct slice name)
{
	static const struct slice names[] = {
		S("From"), S("Sender"), S("Reply-To"), S("To"), S("Cc"), S("Bcc"),
		S("Resent-From"), S("Resent-Sender"), S("Resent-Reply-To"), S("Resent-To"),
		S("Resent-Cc"), S("Resent-Bcc"),
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (slice_ieq(name, names[i]))
			return true;
	return false;
}

static void
add_missing(struct submission *s)
{
	struct slice rest = buf_slice(&s->header);
	bool date = false, id = false;
	char space[512];
	struct buf b = BUF(space);
	struct field f;

	while (field_next(&rest, FIELD_TO_BROKEN_LINE, &f)) {
		date = date || field_is(&f, SL("Date"));
		id = id || field_is(&f, SL("Message-ID"));
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
	struct slice rest = buf_slice(&s->header);
	struct field f;

	add_missing(s);
	while (field_next(&rest, FIELD_TO_BROKEN_LINE, &f)) {
		/* The recipients in it are not for the others. */
		if (field_is(&f, SL("Bcc")) || field_is(&f, SL("Resent-Bcc")))
			continue;
		if (!has_addresses(f.name)) {
			s->put(s->ctx, f.octets);
			continue;
		}
		s->put(s->ctx, slice_of(f.octets.p, f.octets.n - f.body.n));
		qualify_addresses(f.body, s->hostname, s->put, s->ctx);
	}
	s->put(s->ctx, rest);
}

/* octets: of the header section.  A section that is too long does not change. */
static void
hold_octets(struct submission *s, struct slice octets)
{
	if (octets.n <= s->header.cap - s->header.n) {
		buf_add(&s->header, octets);
		return;
	}
	s->put(s->ctx, buf_slice(&s->header));
	s->passing = true;
	s->put(s->ctx, octets);
}

void
submission_content(struct submission *s, struct slice octets)
{
	while (!s->passing && octets.n) {
		struct slice piece;

		if (field_take(&s->fields, &octets, &piece) != FIELD_OVER) {
			hold_octets(s, piece);
			continue;
		}
		put_header(s);
		s->passing = true;
		octets = piece;
	}
	if (octets.n)
		s->put(s->ctx, octets);
}

void
submission_end(struct submission *s)
{
	if (!s->passing)
		put_header(s);
	s->passing = true;
}
