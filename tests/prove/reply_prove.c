// SPDX-License-Identifier: ISC
/*
 * Replies of a peer, and the lines of a stream that come in pieces.  A reply is one of RFC 5321
 * section 4.2 or malformed; the text that is kept of it has no control characters.  A line ends at
 * LF only, wherever the pieces end.
 */
#include <sys/socket.h>

#include "net/stream.h"
#include "smtp/reply.h"
#include "tests/prove/enumerate.h"

/* ---- replies ---- */

struct verdict {
	int code;
	bool malformed, over;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Reply-line = Reply-code [ ("-" / SP) textstring ]; a tab is taken as a blank, and in front of a
 * letter the blank may be missing.  The codes of a reply are of one class. */
static struct verdict
refer_line(struct slice line, int code_before)
{
	struct verdict v = { .code = code_before, .malformed = true, .over = true };

	if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' || !is_digit(line.p[1]) ||
	    !is_digit(line.p[2]))
		return v;
	if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-' && line.p[3] != '\t' &&
	    !is_letter(line.p[3]))
		return v;
	v.code = (line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 + line.p[2] - '0';
	v.malformed = code_before && v.code / 100 != code_before / 100;
	v.over = line.n == 3 || line.p[3] != '-';
	return v;
}

static bool
is_printable(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (((unsigned char)text.p[i] < ' ' && text.p[i] != '\n') || text.p[i] == 0x7f)
			return false;
	return true;
}

static bool
fits(const struct smtp_peer_reply *r, struct verdict v)
{
	const struct slice status = smtp_peer_reply_status(r);

	if (r->malformed != v.malformed || (!v.malformed && r->code != v.code))
		return false;
	return is_printable(buf_slice(&r->text)) &&
	    (status.n == 0 || (status.n >= 5 && status.p[0] == '0' + r->code / 100));
}

static bool
line_is_read(struct slice s)
{
	static struct smtp_peer_reply r;
	const struct verdict v = refer_line(s, 0);

	smtp_peer_reply_init(&r);
	return smtp_peer_reply_line(&r, s) == v.over && fits(&r, v);
}

/* The string is what follows the code of the first line, and then the second line. */
static bool
second_line_is_read(struct slice s)
{
	static struct smtp_peer_reply r;
	struct verdict v = refer_line(s, 250);

	smtp_peer_reply_init(&r);
	if (smtp_peer_reply_line(&r, SL("250-first")) || !fits(&r, (struct verdict){ .code = 250 }))
		return false;
	return smtp_peer_reply_line(&r, s) == v.over && fits(&r, v);
}

/* "2.1.5" in front of the text, if its class is that of the code (RFC 2034 section 4). */
static bool
status_is_found(struct slice s)
{
	static struct smtp_peer_reply r;
	char space[ENUMERATE_MAX];
	struct buf line = BUF(space);
	size_t part, n = 2;

	buf_str(&line, "250 ");
	buf_add(&line, s);
	smtp_peer_reply_init(&r);
	if (!smtp_peer_reply_line(&r, buf_slice(&line)))
		return false;
	if (!slice_has_prefix(s, SL("2.")))
		return smtp_peer_reply_status(&r).n == 0;
	for (int i = 0; i < 2; i++) {
		for (part = 0; n + part < s.n && is_digit(s.p[n + part]); part++)
			;
		n += part;
		if (part < 1 || part > 3 || (i == 0 && (n == s.n || s.p[n] != '.')))
			return smtp_peer_reply_status(&r).n == 0;
		n += i == 0;
	}
	if (n < s.n && s.p[n] != ' ')
		n = 0;
	return slice_eq(smtp_peer_reply_status(&r), slice_of(s.p, n));
}

/* ---- lines ---- */

static int ends[2];
static struct stream stream;


static bool
next_line(struct slice *rest, struct slice *ret, bool *ret_crlf)
{
	const char *lf = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	if (!lf)
		return false;
	*ret = slice_of(rest->p, (size_t)(lf - rest->p));
	*rest = slice_skip(*rest, ret->n + 1);
	*ret_crlf = ret->n && ret->p[ret->n - 1] == '\r';
	ret->n -= *ret_crlf;
	return true;
}

/* Read the lines of a string that comes in these pieces. */
static bool
lines_come(struct slice s, unsigned cuts)
{
	struct slice rest = s, want, got;
	bool want_crlf, got_crlf;
	size_t at = 0;
	int r;

	stream_init(&stream, ends[0], ends[0]);
	while (at < s.n) {
		const size_t n = enumerate_piece(s, at, cuts);

		if (write(ends[1], s.p + at, n) != (ssize_t)n || stream_fill(&stream, -1) < 0)
			return false;
		at += n;
		while (memchr(stream.in + stream.start, '\n', stream.end - stream.start)) {
			r = stream_line(&stream, ENUMERATE_MAX, 0, &got, &got_crlf);
			if (r != 1 || !next_line(&rest, &want, &want_crlf) ||
			    !slice_eq(got, want) || got_crlf != want_crlf)
				return false;
		}
	}
	return !next_line(&rest, &want, &want_crlf) &&
	    slice_eq(stream_pending(&stream), rest);
}

static bool
lines_are_read(struct slice s)
{
	for (unsigned cuts = 0; cuts < enumerate_cuts(s.n); cuts++) {
		enumerate_cases++;
		if (!lines_come(s, cuts))
			return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	enumerate_init(argc, argv);
	enumerate("a line of a reply", SL("0259- \t\r\x80" "a"), enumerate_length(6), line_is_read);
	enumerate("a second line of a reply", SL("025- \ta"), enumerate_length(7),
	    second_line_is_read);
	enumerate("an enhanced status code", SL("2.05 a"), enumerate_length(8), status_is_found);
	if (!ok(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "a pair of sockets"))
		return tap_done();
	enumerate("lines of a stream, in all pieces", SL("\r\n.a"), enumerate_length(6),
	    lines_are_read);
	return tap_done();
}
