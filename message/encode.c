// SPDX-License-Identifier: ISC
/*
 * Each line is built in a buffer of its own and goes to the sink when it is complete.
 */
#include "message/encode.h"

#include "base/base64.h"

#define LINE_MAX_OCTETS 76
#define BASE64_LINE	57	/* octets that become 76 */

static int
put_octets(const struct mime_sink *sink, struct slice octets)
{
	return octets.n ? sink->write(sink->ctx, octets) : 0;
}

struct qp {
	const struct mime_sink *sink;
	struct buf line;
	char space[LINE_MAX_OCTETS + 2];
};

static int
end_line(struct qp *q, struct slice end)
{
	int r;

	buf_add(&q->line, end);
	r = put_octets(q->sink, buf_slice(&q->line));
	q->line.n = 0;
	return r;
}

/* The line keeps room for the '=' of a soft line break. */
static int
put_octet(struct qp *q, unsigned char c, bool plain)
{
	static const char hex[] = "0123456789ABCDEF";
	const char form[] = { '=', hex[c >> 4], hex[c & 15] };
	int r = 0;

	if (q->line.n + (plain ? 1 : 3) > LINE_MAX_OCTETS - 1)
		r = end_line(q, SL("=\r\n"));
	if (plain)
		buf_chr(&q->line, (char)c);
	else
		buf_add(&q->line, slice_of(form, sizeof form));
	return r;
}

/* Only NUL and octets above 127 change.  A line that becomes too long is broken. */
static int
escape_high(struct slice text, const struct mime_sink *sink)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t line = 0;
	int r = 0;

	while (r == 0 && text.n) {
		size_t n = 0;

		for (; n < text.n && text.p[n] && (unsigned char)text.p[n] < 128; n++)
			line = text.p[n] == '\n' ? 0 : line + 1;
		r = put_octets(sink, slice_of(text.p, n));
		text = slice_skip(text, n);
		if (r == 0 && text.n) {
			const unsigned char c = (unsigned char)text.p[0];
			const char form[] = { '=', '\r', '\n', '=', hex[c >> 4], hex[c & 15] };
			const bool full = line + 3 > LINE_MAX_OCTETS - 1;

			r = put_octets(sink, full ? slice_of(form, 6) : slice_of(form + 3, 3));
			line = full ? 3 : line + 3;
			text = slice_skip(text, 1);
		}
	}
	return r;
}

int
mime_quoted_printable(struct slice text, bool escaped, const struct mime_sink *sink)
{
	struct qp q = { .sink = sink };
	int r = 0;

	if (escaped)
		return escape_high(text, sink);
	q.line = (struct buf)BUF(q.space);
	for (size_t i = 0; r == 0 && i < text.n; i++) {
		const unsigned char c = (unsigned char)text.p[i];
		const struct slice rest = slice_skip(text, i + 1);
		const bool last = rest.n == 0 || slice_has_prefix(rest, SL("\r\n"));

		if (c == '\r' && rest.n && rest.p[0] == '\n') {
			r = end_line(&q, SL("\r\n"));
			i++;
		} else if (c == ' ' || c == '\t') {
			r = put_octet(&q, c, !last);	/* servers strip blanks at line ends */
		} else {
			r = put_octet(&q, c, c > ' ' && c < 127 && c != '=');
		}
	}
	return r ? r : put_octets(sink, buf_slice(&q.line));
}

int
mime_base64(struct slice octets, const struct mime_sink *sink)
{
	bool first = true;
	int r = 0;

	for (; r == 0 && octets.n; octets = slice_skip(octets, BASE64_LINE)) {
		char space[LINE_MAX_OCTETS + 2];
		struct buf line = BUF(space);

		if (!first)
			buf_str(&line, "\r\n");
		first = false;
		base64_encode(&line,
		    slice_of(octets.p, octets.n < BASE64_LINE ? octets.n : BASE64_LINE));
		r = put_octets(sink, buf_slice(&line));
	}
	return r;
}
