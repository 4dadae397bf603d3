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

/* Octets that a server with seven bits does not take.  high: octets above 127 are among them. */
static bool
needs_encoding(struct slice s, bool high)
{
	size_t line = 0;

	for (size_t i = 0; i < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i];
		const bool crlf = c == '\r' && i + 1 < s.n && s.p[i + 1] == '\n';

		if (crlf) {
			line = 0;
			i++;
		} else if ((high && c > 127) || c == '\0' || c == '\r' || c == '\n' ||
		    ++line > MIME_LINE_MAX) {
			return true;
		}
	}
	return false;
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
			r = put_octets(c, f.octets);
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

static int
convert_leaf(struct conversion *c, const struct mime_entity *e, bool message, bool to_the_end)
{
	const struct mime_sink encoded = { put_encoded, c };
	const bool escaped = e->encoding == MIME_QUOTED_PRINTABLE;
	int r;

	if (e->encoding == MIME_UNKNOWN || e->encoding == MIME_BASE64 ||
	    (escaped && needs_encoding(e->body, false)))
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

/* The end of a line.  Where the text goes on with a dash, a blank keeps that from looking like a
 * delimiter. */
static size_t
end_line(struct buf *b, bool dash)
{
	buf_str(b, dash ? "\r\n " : "\r\n");
	return dash ? 1 : 0;
}

/* Preamble and epilogue, which readers ignore (RFC 2046 section 5.1.1): '?' replaces octets that
 * seven bits cannot carry, bare CR and LF become line ends, and long lines are broken. */
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
			line = end_line(&b, false);
			i++;
		} else if (c == '\r' || c == '\n') {
			line = end_line(&b, next == '-');
		} else {
			if (line == MIME_LINE_MAX)
				line = end_line(&b, true);
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

static int
convert_multipart(struct conversion *c, const struct mime_entity *e, bool message, unsigned depth)
{
	struct mime_pieces pieces = { e->body, MIME_PREAMBLE };
	struct slice piece, delimiter;
	enum mime_piece kind;
	int r;

	if (!e->boundary[0])
		return refuse_part(c, "it has a multipart without a boundary");
	r = put_header(c, e, message, "7bit");
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

	if (!needs_encoding(octets, true))
		return put_octets(c, octets);
	if (depth > MIME_DEPTH_MAX)
		return refuse_part(c, "its parts are nested too deep");
	mime_entity_parse(octets, in_digest, &e);
	if (needs_encoding(e.header, true))
		return refuse_part(c, "its header fields hold 8-bit text, bare line ends "
		    "or lines over 998 octets");
	if (e.kind == MIME_TEXT || e.kind == MIME_OTHER)
		return convert_leaf(c, &e, message, depth == 0);
	if (e.kind == MIME_FRAGMENT)
		return refuse_part(c, "it is a fragment (message/partial), "
		    "which must not be changed");
	if (e.encoding != MIME_IDENTITY)
		return refuse_part(c,
		    "a multipart or message in it is encoded, which MIME forbids");
	if (e.kind == MIME_MULTIPART)
		return convert_multipart(c, &e, message, depth);
	r = put_header(c, &e, message, "7bit");
	return r ? r : convert_entity(c, e.body, true, false, depth + 1);
}

int
mime_sevenbit(struct slice message, const struct mime_sink *sink, const char **ret_why)
{
	struct conversion c = { .sink = sink };
	int r = convert_entity(&c, message, true, false, 0);

	if (r == 0 && !(c.last[0] == '\r' && c.last[1] == '\n'))
		r = put_octets(&c, SL("\r\n"));
	if (r == -ENOTSUP)
		*ret_why = c.why;
	return r;
}
