// SPDX-License-Identifier: ISC
/*
 * The conversion goes part by part.  A signature over a part that changes breaks; signers have to
 * send seven bits for that reason (RFC 1847).  The alternative is to return the message.
 */
#include "message/sevenbit.h"

#include <errno.h>

#include "base/utf8.h"
#include "message/encode.h"
#include "message/entity.h"
#include "message/field.h"

struct conversion {
	const struct mime_sink *sink;
	const char *why;
	bool high_fields;		/* of the message, or of a part */
	char last[2];			/* the last octets that were written */
};

static int convert_entity(struct conversion *c, struct slice octets, bool message, bool in_digest,
    unsigned depth);

static int
put_octets(struct conversion *c, struct slice octets)
{
	if (octets.n == 0)
		return 0;
	c->last[0] = octets.n > 1 ? octets.p[octets.n - 2] : c->last[1];
	c->last[1] = octets.p[octets.n - 1];
	return c->sink->write(c->sink->ctx, octets);
}

static int
put_encoded(void *ctx, struct slice octets)
{
	return put_octets(ctx, octets);
}

static int
refuse_part(struct conversion *c, const char *why)
{
	c->why = why;
	return -ENOTSUP;
}

enum fault {				/* bits: why a server may not take octets as they are */
	FAULT_HIGH = 1,			/* an octet above 127 */
	FAULT_NUL = 2,
	FAULT_LINES = 4,		/* a bare CR or LF, or a line that is too long */
};

static unsigned
find_faults(struct slice s)
{
	unsigned faults = 0;
	size_t line = 0;

	for (size_t i = 0; i < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i];
		const bool crlf = c == '\r' && i + 1 < s.n && s.p[i + 1] == '\n';

		if (crlf) {
			line = 0;
			i++;
			continue;
		}
		if (c > 127)
			faults |= FAULT_HIGH;
		else if (c == '\0')
			faults |= FAULT_NUL;
		if (c == '\r' || c == '\n' || ++line > MIME_LINE_MAX)
			faults |= FAULT_LINES;
	}
	return faults;
}

/* Has the header section of this entity, or of one in it, octets above 127? */
static bool
has_high_fields(struct slice octets, bool in_digest, unsigned depth)
{
	struct mime_entity e;
	struct mime_pieces pieces;
	struct slice piece, delimiter;
	enum mime_piece kind;
	bool found = false;

	if (depth > MIME_DEPTH_MAX || slice_is_ascii(octets))
		return false;
	mime_entity_parse(octets, in_digest, &e);
	if (!slice_is_ascii(e.header))
		return true;
	if (e.kind == MIME_MESSAGE)
		return has_high_fields(e.body, false, depth + 1);
	if (e.kind != MIME_MULTIPART || !e.boundary[0])
		return false;
	pieces = (struct mime_pieces){ e.body, MIME_PREAMBLE };
	while (!found && mime_next_piece(&pieces, e.boundary, &kind, &piece, &delimiter))
		found = kind == MIME_PART && has_high_fields(piece, e.digest, depth + 1);
	return found;
}

/* Blanks replace NUL, as in the header section of each message that arrives.  At the start of a
 * line a blank would make it a part of the field before. */
static int
put_without_nul(struct conversion *c, struct slice s)
{
	char space[512];
	int r = 0;

	while (r == 0 && s.n) {
		const char *nul = memchr(s.p, '\0', s.n);
		const size_t plain = nul ? (size_t)(nul - s.p) : s.n;
		size_t n = s.n - plain < sizeof space ? s.n - plain : sizeof space;

		r = put_octets(c, slice_of(s.p, plain));
		s = slice_skip(s, plain);
		for (size_t i = 0; i < n; i++)
			space[i] = s.p[i] ? s.p[i] :
			    (i ? space[i - 1] : c->last[1]) == '\n' ? '?' : ' ';
		if (r == 0)
			r = put_octets(c, slice_of(space, n));
		s = slice_skip(s, n);
	}
	return r;
}

/* Base64 is shorter if more than a third is above 127, and it suits a body with NUL. */
static bool
better_base64(struct slice s)
{
	size_t high = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0')
			return true;
		high += (unsigned char)s.p[i] > 127;
	}
	return high > s.n / 3;
}

/* The header section with another encoding, and with the fields that make it MIME. */
static int
put_header(struct conversion *c, const struct mime_entity *e, bool message, const char *encoding)
{
	struct slice rest = e->header;
	struct field f;
	int r = 0;

	while (r == 0 && field_next(&rest, FIELD_TO_EMPTY_LINE, &f))
		if (!field_is(&f, SL("Content-Transfer-Encoding")))
			r = put_without_nul(c, f.octets);
	if (r == 0 && message && !e->has_version)
		r = put_octets(c, SL("MIME-Version: 1.0\r\n"));
	if (r == 0 && !e->has_type && e->kind == MIME_TEXT)
		r = put_octets(c, utf8_valid(e->body)
		    ? SL("Content-Type: text/plain; charset=utf-8\r\n")
		    : SL("Content-Type: text/plain; charset=unknown-8bit\r\n"));
	if (r == 0)
		r = put_octets(c, SL("Content-Transfer-Encoding: "));
	if (r == 0)
		r = put_octets(c, slice_str(encoding));
	return r ? r : put_octets(c, SL("\r\n\r\n"));
}

/* The body as it is. */
static int
keep_body(struct conversion *c, const struct mime_entity *e)
{
	int r = put_without_nul(c, e->header);

	if (r == 0 && e->blank.n)
		r = put_octets(c, SL("\r\n"));
	return r ? r : put_without_nul(c, e->body);
}

static int
convert_leaf(struct conversion *c, const struct mime_entity *e, bool message, bool to_the_end)
{
	const struct mime_sink encoded = { put_encoded, c };
	const bool escaped = e->encoding == MIME_QUOTED_PRINTABLE;
	const unsigned faults = find_faults(e->body);
	int r;

	/* Decoders pass over what is not base64 (RFC 2045 section 6.8). */
	if (faults == 0 || (faults == FAULT_NUL && e->encoding == MIME_BASE64))
		return keep_body(c, e);
	if (e->encoding == MIME_UNKNOWN || e->encoding == MIME_BASE64 ||
	    (escaped && faults & FAULT_LINES))
		return refuse_part(c, "a part of it is not encoded as its header announces");
	if (escaped || (e->kind == MIME_TEXT && !better_base64(e->body))) {
		r = put_header(c, e, message, "quoted-printable");
		if (r == 0)
			r = mime_quoted_printable(e->body, escaped, &encoded);
		/* The CRLF that ends the message does not belong to the text. */
		if (r == 0 && to_the_end && !(c->last[0] == '\r' && c->last[1] == '\n'))
			r = put_octets(c, SL("=\r\n"));
		return r;
	}
	r = put_header(c, e, message, "base64");
	return r ? r : mime_base64(e->body, &encoded);
}

/* Preamble and epilogue, which readers ignore (RFC 2046 section 5.1.1): '?' replaces octets that
 * seven bits cannot carry, bare CR and LF become line ends, and long lines are broken.  A blank
 * keeps a line from looking like a delimiter. */
static int
put_ignored(struct conversion *conversion, struct slice s)
{
	char block[512];
	struct buf b = BUF(block);
	size_t line = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s.n; i++) {
		const char c = s.p[i];
		const char next = i + 1 < s.n ? s.p[i + 1] : '\0';

		if (c == '\r' && next == '\n') {
			buf_str(&b, "\r\n");
			line = 0;
			i++;
		} else if (c == '\r' || c == '\n') {
			buf_str(&b, "\r\n");
			line = 0;
		} else {
			if (line == MIME_LINE_MAX || (line == 0 && c == '-')) {
				buf_str(&b, line ? "\r\n " : " ");
				line = 1;
			}
			buf_chr(&b, (c >= ' ' && c < 127) || c == '\t' ? c : '?');
			line++;
		}
		if (b.n + 8 > b.cap) {
			r = put_octets(conversion, buf_slice(&b));
			b.n = 0;
		}
	}
	return r ? r : put_octets(conversion, buf_slice(&b));
}

/* The encoding of what has parts: octets above 127 stay in their fields. */
static const char *
rest_of_parts(const struct conversion *c, const struct mime_entity *e)
{
	return c->high_fields && !slice_is_ascii(e->body) ? "8bit" : "7bit";
}

static int
convert_multipart(struct conversion *c, const struct mime_entity *e, bool message, unsigned depth)
{
	struct mime_pieces pieces = { e->body, MIME_PREAMBLE };
	struct slice piece, delimiter;
	enum mime_piece kind;
	int r;

	if (!e->boundary[0])
		return refuse_part(c, "it has a multipart without a boundary");
	r = put_header(c, e, message, rest_of_parts(c, e));
	while (r == 0 && mime_next_piece(&pieces, e->boundary, &kind, &piece, &delimiter)) {
		r = kind == MIME_PART ? convert_entity(c, piece, false, e->digest, depth + 1)
				      : put_ignored(c, piece);
		if (r == 0)
			r = put_octets(c, delimiter);
	}
	return r;
}

/* message: the octets are a message, not a part of one. */
static int
convert_entity(struct conversion *c, struct slice octets, bool message, bool in_digest,
    unsigned depth)
{
	struct mime_entity e;
	int r;

	if (find_faults(octets) == 0)
		return put_octets(c, octets);
	if (depth > MIME_DEPTH_MAX)
		return refuse_part(c, "its parts are nested too deep");
	mime_entity_parse(octets, in_digest, &e);
	if (find_faults(e.header) & FAULT_LINES)
		return refuse_part(c, "its header fields hold bare line ends or lines over 998 "
		    "octets");
	if (e.kind == MIME_TEXT || e.kind == MIME_OTHER)
		return convert_leaf(c, &e, message, depth == 0);
	if (find_faults(e.body) == 0)
		return keep_body(c, &e);
	if (e.kind == MIME_FRAGMENT)
		return refuse_part(c, "it is a fragment (message/partial), "
		    "which must not be changed");
	if (e.encoding != MIME_IDENTITY)
		return refuse_part(c,
		    "a multipart or message in it is encoded, which MIME forbids");
	if (e.kind == MIME_MULTIPART)
		return convert_multipart(c, &e, message, depth);
	r = put_header(c, &e, message, rest_of_parts(c, &e));
	return r ? r : convert_entity(c, e.body, true, false, depth + 1);
}

int
mime_sevenbit(struct slice message, const struct mime_sink *sink, const char **ret_why)
{
	struct conversion c = {
		.sink = sink, .high_fields = has_high_fields(message, false, 0),
	};
	int r = convert_entity(&c, message, true, false, 0);

	if (r == 0 && !(c.last[0] == '\r' && c.last[1] == '\n'))
		r = put_octets(&c, SL("\r\n"));
	if (r == -ENOTSUP)
		*ret_why = c.why;
	return r;
}
