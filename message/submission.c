// SPDX-License-Identifier: ISC
/*
 * The header section of a submitted message.  Only addresses without a domain are changed, and
 * senders.  A broken line ends the section: a field behind it may be text.
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
	s->replace = NULL;
	s->put = put;
	s->ctx = ctx;
	s->passing = false;
	field_begin(&s->fields, FIELD_TO_BROKEN_LINE, SL(""));
	s->header = (struct buf)BUF(s->space);
}

enum { OTHER_FIELD, RECIPIENTS, SENDERS };

static int
kind_of(struct slice name)
{
	static const struct slice senders[] = { S("From"), S("Sender"), S("Reply-To") };
	static const struct slice recipients[] = { S("To"), S("Cc"), S("Bcc") };

	if (slice_has_iprefix(name, SL("Resent-")))
		name = slice_skip(name, sizeof "Resent-" - 1);
	for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++)
		if (slice_ieq(name, senders[i]))
			return SENDERS;
	for (size_t i = 0; i < sizeof recipients / sizeof recipients[0]; i++)
		if (slice_ieq(name, recipients[i]))
			return RECIPIENTS;
	return OTHER_FIELD;
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
	struct qualify q = { .domain = s->hostname, .put = s->put, .ctx = s->ctx };
	struct slice rest = buf_slice(&s->header);
	struct field f;
	int kind;

	add_missing(s);
	while (field_next(&rest, FIELD_TO_BROKEN_LINE, &f)) {
		/* The recipients in it are not for the others. */
		if (field_is(&f, SL("Bcc")) || field_is(&f, SL("Resent-Bcc")))
			continue;
		kind = kind_of(f.name);
		if (kind == OTHER_FIELD) {
			s->put(s->ctx, f.octets);
			continue;
		}
		s->put(s->ctx, slice_of(f.octets.p, f.octets.n - f.body.n));
		q.replace = kind == SENDERS ? s->replace : NULL;
		qualify_addresses(&q, f.body);
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
