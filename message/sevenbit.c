// SPDX-License-Identifier: ISC
/*
 * The conversion, part by part.  A signature over a part that has to change breaks, as RFC 1847 foresees by asking
 * signers for seven bits; the alternative is to return the message.  Pure; called for a delivery to a
 * server that can do no better.
 */
#include "message/sevenbit.h"

#include <errno.h>

#include "base/utf8.h"
#include "message/encode.h"
#include "message/entity.h"
#include "message/field.h"

#define LINE_OCTETS_MAX 998	/* RFC 5322 section 2.1.1 */

struct conversion {
	const struct mime_sink *sink;
	const char *why;
	char last[2];			/* octets that were written */
};

static int convert(struct conversion *c, struct slice octets, bool message, bool in_digest, unsigned depth);

static int
put(struct conversion *c, struct slice octets)
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
	return put(ctx, octets);
}

static int
refuse(struct conversion *c, const char *why)
{
	c->why = why;
	return -ENOTSUP;
}

/* Can it not travel as it is?  high: nor with octets above 127. */
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
		} else if ((high && c > 127) || c == '\0' || c == '\r' || c == '\n' || ++line > LINE_OCTETS_MAX) {
			return true;
		}
	}
	return false;
}

/* More than a third above 127, or octets that are no text: then base64 is shorter, and nobody could read it anyway. */
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

/* The header with another encoding, and what makes it MIME if it was not. */
static int
put_header(struct conversion *c, const struct mime_entity *e, bool message, const char *encoding)
{
	struct slice rest = e->header;
	struct field f;
	int r = 0;

	while (r == 0 && field_next(&rest, FIELD_TO_EMPTY_LINE, &f))
		if (!field_is(&f, SL("Content-Transfer-Encoding")))
			r = put(c, f.octets);
	if (r == 0 && message && !e->has_version)
		r = put(c, SL("MIME-Version: 1.0\r\n"));
	if (r == 0 && !e->has_type && e->kind == MIME_TEXT)
		r = put(c, utf8_valid(e->body) ? SL("Content-Type: text/plain; charset=utf-8\r\n")
					       : SL("Content-Type: text/plain; charset=unknown-8bit\r\n"));
	if (r == 0)
		r = put(c, SL("Content-Transfer-Encoding: "));
	if (r == 0)
		r = put(c, slice_str(encoding));
	return r ? r : put(c, SL("\r\n\r\n"));
}

static int
convert_leaf(struct conversion *c, const struct mime_entity *e, bool message, bool to_the_end)
{
	const struct mime_sink encoded = { put_encoded, c };
	const bool escaped = e->encoding == MIME_QUOTED_PRINTABLE;
	int r;

	if (e->encoding == MIME_UNKNOWN || e->encoding == MIME_BASE64 || (escaped && needs_encoding(e->body, false)))
		return refuse(c, "a part of it is not encoded as it says");
	if (escaped || (e->kind == MIME_TEXT && !better_base64(e->body))) {
		r = put_header(c, e, message, "quoted-printable");
		if (r == 0)
			r = mime_quoted_printable(e->body, escaped, &encoded);
		/* The end of a message is the end of a line; here it is not the text's. */
		if (r == 0 && to_the_end && !(c->last[0] == '\r' && c->last[1] == '\n'))
			r = put(c, SL("=\r\n"));
		return r;
	}
	r = put_header(c, e, message, "base64");
	return r ? r : mime_base64(e->body, &encoded);
}

/* Text that nobody is meant to see (RFC 2046 section 5.1.1): what cannot travel becomes '?'. */
static int
put_aside(struct conversion *c, struct slice s)
{
	char block[512];
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s.n; i++) {
		const bool crlf = s.p[i] == '\r' ? i + 1 < s.n && s.p[i + 1] == '\n' : s.p[i] == '\n' && i && s.p[i - 1] == '\r';

		block[n++] = crlf || (s.p[i] >= ' ' && s.p[i] < 127) || s.p[i] == '\t' ? s.p[i] : '?';
		if (n == sizeof block) {
			r = put(c, slice_of(block, n));
			n = 0;
		}
	}
	return r ? r : put(c, slice_of(block, n));
}

static int
convert_multipart(struct conversion *c, const struct mime_entity *e, bool message, unsigned depth)
{
	struct mime_pieces pieces = { e->body, MIME_PREAMBLE };
	struct slice piece, delimiter;
	enum mime_piece kind;
	int r;

	if (!e->boundary[0])
		return refuse(c, "it has a multipart without a boundary");
	r = put_header(c, e, message, "7bit");
	while (r == 0 && mime_next_piece(&pieces, e->boundary, &kind, &piece, &delimiter)) {
		r = kind == MIME_PART ? convert(c, piece, false, e->digest, depth + 1) : put_aside(c, piece);
		if (r == 0)
			r = put(c, delimiter);
	}
	return r;
}

/* message: it is one, not a part. */
static int
convert(struct conversion *c, struct slice octets, bool message, bool in_digest, unsigned depth)
{
	struct mime_entity e;
	int r;

	if (!needs_encoding(octets, true))
		return put(c, octets);
	if (depth > MIME_DEPTH_MAX)
		return refuse(c, "its parts are nested too deep");
	mime_entity_parse(octets, in_digest, &e);
	if (needs_encoding(e.header, true))
		return refuse(c, "its header fields hold 8-bit text, bare line ends or lines over 998 octets");
	if (e.kind == MIME_TEXT || e.kind == MIME_OTHER)
		return convert_leaf(c, &e, message, depth == 0);
	if (e.kind == MIME_FRAGMENT)
		return refuse(c, "it is a fragment (message/partial), which must not be changed");
	if (e.encoding != MIME_IDENTITY)
		return refuse(c, "a multipart or message in it is encoded, which must not be");
	if (e.kind == MIME_MULTIPART)
		return convert_multipart(c, &e, message, depth);
	r = put_header(c, &e, message, "7bit");
	return r ? r : convert(c, e.body, true, false, depth + 1);
}

int
mime_sevenbit(struct slice message, const struct mime_sink *sink, const char **ret_why)
{
	struct conversion c = { .sink = sink };
	int r = convert(&c, message, true, false, 0);

	if (r == 0 && !(c.last[0] == '\r' && c.last[1] == '\n'))
		r = put(&c, SL("\r\n"));
	if (r == -ENOTSUP)
		*ret_why = c.why;
	return r;
}
