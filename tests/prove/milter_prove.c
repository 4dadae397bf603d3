// SPDX-License-Identifier: ISC
/*
 * Packets of the milter protocol, both sides: streams of octets in all pieces against a reader that
 * has the whole stream, and values that one side writes and the other one reads.
 */
#include "milter/filter.h"
#include "milter/milter.h"
#include "milter/protocol.h"
#include "tests/prove/enumerate.h"

#define PACKETS 16

static struct milter m;
static struct filter f;
static const struct milter_answer nothing;

/* Agree on all actions, so every edit is allowed. */
static void
agree_milter(void)
{
	char space[64];
	struct buf b = BUF(space);
	struct slice in;
	struct milter_answer a;

	milter_begin(&m);
	milter_put_options(&b);
	in = buf_slice(&b);
	milter_take(&m, &in, MILTER_CONNECT, &a);
}

static bool
agree_filter(void)
{
	char space[64], reply[64];
	struct buf b = BUF(space), out = BUF(reply);
	struct slice in;
	struct filter_step step;

	filter_begin(&f);
	milter_put_options(&b);
	in = buf_slice(&b);
	filter_take(&f, &in, &step);
	return step.kind == FILTER_OPTIONS && filter_put_options(&f, &out, true);
}

/* ---- a stream of packets ---- */

static enum milter_kind
kind_of(char command)
{
	switch (command) {
	case 'c':
		return MILTER_CONTINUE;
	case 'p':
		return MILTER_WORKING;
	default:
		return MILTER_BROKEN;
	}
}

/* The answers of a stream, up to the first broken one. */
static size_t
refer_stream(struct slice s, enum milter_kind ret[PACKETS])
{
	size_t n = 0;

	while (s.n >= 4) {
		const uint64_t length = (uint64_t)(unsigned char)s.p[0] << 24 |
		    (uint64_t)(unsigned char)s.p[1] << 16 | (uint64_t)(unsigned char)s.p[2] << 8 |
		    (unsigned char)s.p[3];
		const bool broken = length == 0 || length > MILTER_PACKET_MAX;

		/* A length is looked at with the octets behind it, or before them. */
		if (!broken && s.n - 4 < length)
			break;
		ret[n++] = broken ? MILTER_BROKEN : kind_of(s.p[4]);
		if (ret[n - 1] == MILTER_BROKEN)
			break;
		s = slice_skip(s, 4 + (size_t)length);
	}
	return n;
}

static size_t
take_stream(struct slice s, unsigned cuts, enum milter_kind ret[PACKETS])
{
	size_t n = 0;

	m.got = 0;
	for (size_t at = 0; at < s.n;) {
		struct slice in = slice_of(s.p + at, enumerate_piece(s, at, cuts));

		at += in.n;
		while (in.n) {
			struct milter_answer a = nothing;

			milter_take(&m, &in, MILTER_BODY, &a);
			if (a.kind == MILTER_MORE)
				continue;
			ret[n++] = a.kind;
			if (a.kind == MILTER_BROKEN)
				return n;
		}
	}
	return n;
}

/* A length that cannot be may be found with the next octet only. */
static bool
stream_answers(struct slice s)
{
	enum milter_kind want[PACKETS], got[PACKETS];
	const size_t n = refer_stream(s, want);

	for (unsigned cuts = 0; cuts < enumerate_cuts(s.n); cuts++) {
		enumerate_cases++;
		if (take_stream(s, cuts, got) != n || memcmp(want, got, n * sizeof want[0]) != 0)
			return false;
	}
	return true;
}

/* ---- a reply ---- */

/* "550 text", or lines of one code with "-" or " " between code and text. */
static bool
refer_reply(struct slice s, struct buf *text)
{
	const struct slice code = slice_of(s.p, s.n < 3 ? s.n : 3);
	struct slice line;

	if (code.n < 3 || !strchr("45", code.p[0]) || code.p[0] == '\0')
		return false;
	for (int i = 1; i < 3; i++)
		if (code.p[i] < '0' || code.p[i] > '9')
			return false;
	for (bool first = true; s.n; first = false) {
		line = slice_cut(s, '\n', &s);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!slice_has_prefix(line, code) ||
		    (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-'))
			return false;
		line = slice_skip(line, 4);
		if (!first)
			buf_chr(text, '\n');
		if (line.n > 1 && line.p[0] >= '0' && line.p[0] <= '9' && line.p[1] == '.' &&
		    line.p[0] != code.p[0])
			return false;
		for (size_t i = 0; i < line.n; i++) {
			if (line.p[i] < ' ')
				return false;
			buf_chr(text, line.p[i]);
			i += line.p[i] == '%' && i + 1 < line.n && line.p[i + 1] == '%';
		}
	}
	return true;
}

static bool
reply_text(struct slice s)
{
	char space[ENUMERATE_MAX], want_space[ENUMERATE_MAX];
	struct buf b = BUF(space), want = BUF(want_space);
	const size_t place = milter_open(&b, MILTER_CONNECT);
	const char *nul = s.n ? memchr(s.p, '\0', s.n) : NULL;
	struct slice in;
	struct milter_answer a = nothing;

	b.p[b.n - 1] = 'y';
	buf_str(&b, "5");
	buf_add(&b, s);
	buf_chr(&b, '\0');
	milter_close(&b, place);
	in = buf_slice(&b);
	m.got = 0;
	milter_take(&m, &in, MILTER_RCPT, &a);
	if (!refer_reply(slice_of(space + 5, 1 + (nul ? (size_t)(nul - s.p) : s.n)), &want))
		return a.kind == MILTER_BROKEN;
	return a.kind == MILTER_REFUSE && a.code / 100 == 5 && slice_eq(a.text, buf_slice(&want));
}

/* ---- what one side writes, the other one reads ---- */

/* A NUL ends a string, so it becomes a blank. */
static bool
carries(struct slice got, struct slice sent)
{
	for (size_t i = 0; i < sent.n && got.n == sent.n; i++)
		if (got.p[i] != (sent.p[i] ? sent.p[i] : ' '))
			return false;
	return got.n == sent.n;
}

/* The string, divided into name and value at each octet, in each two pieces. */
static bool
field_arrives(struct slice s)
{
	char space[ENUMERATE_MAX];
	struct filter_step step;

	for (size_t i = 0; i <= s.n; i++) {
		struct buf b = BUF(space);
		const size_t place = milter_open(&b, MILTER_FIELD);
		const struct slice name = slice_of(s.p, i), value = slice_skip(s, i);

		milter_put_string(&b, name);
		milter_put_string(&b, value);
		milter_close(&b, place);
		for (size_t cut = 0; cut < b.n; cut++) {
			struct slice first = slice_of(b.p, cut);
			struct slice rest = slice_of(b.p + cut, b.n - cut);

			enumerate_cases++;
			f.got = 0;
			filter_take(&f, &first, &step);
			if (step.kind != FILTER_MORE || first.n)
				return false;
			filter_take(&f, &rest, &step);
			if (step.kind != FILTER_FIELD || rest.n || !carries(step.name, name) ||
			    !carries(step.value, value))
				return false;
		}
	}
	return true;
}

static bool
insertion_arrives(struct slice s)
{
	char space[ENUMERATE_MAX];

	for (size_t i = 0; i <= s.n; i++) {
		struct buf b = BUF(space);
		const struct slice name = slice_of(s.p, i), value = slice_skip(s, i);
		struct milter_answer a = nothing;
		struct slice in;

		enumerate_cases++;
		filter_put_insert(&f, &b, name, value);
		in = buf_slice(&b);
		m.got = 0;
		milter_take(&m, &in, MILTER_END, &a);
		if (a.kind != MILTER_INSERT_FIELD || in.n || a.index || !carries(a.name, name) ||
		    !slice_has_prefix(a.value, SL(" ")) ||
		    !carries(slice_skip(a.value, 1), value))
			return false;
	}
	return true;
}

/* A reply of the filter arrives as it is, if it is one. */
static bool
reply_arrives(struct slice s)
{
	char space[ENUMERATE_MAX], text[ENUMERATE_MAX];
	struct buf b = BUF(space), sent = BUF(text);
	struct milter_answer a = nothing;
	struct slice in;

	buf_str(&sent, "550 ");
	buf_add(&sent, s);
	filter_put_reply(&b, buf_slice(&sent));
	in = buf_slice(&b);
	m.got = 0;
	milter_take(&m, &in, MILTER_RCPT, &a);
	return a.kind == MILTER_REFUSE && a.code == 550 && slice_eq(a.text, s);
}

int
main(int argc, char **argv)
{
	enumerate_init(argc, argv);
	agree_milter();
	if (!ok(agree_filter(), "both sides agree"))
		return tap_done();
	enumerate("a stream of packets, in all pieces", SL("\0\1\2cp"), enumerate_length(8),
	    stream_answers);
	enumerate("a stream of packets, of great length", SL("\0\1c"), enumerate_length(11),
	    stream_answers);
	enumerate("a reply of a filter", SL("50.- \r\n%\0a"), enumerate_length(6), reply_text);
	enumerate("a field arrives at the filter, in two pieces", SL("\0 \na:"),
	    enumerate_length(6), field_arrives);
	enumerate("a new field arrives at the server", SL("\0 \na:"), enumerate_length(7),
	    insertion_arrives);
	enumerate("a reply arrives at the server", SL(" %a-"), enumerate_length(8), reply_arrives);
	return tap_done();
}
