// SPDX-License-Identifier: ISC
/*
 * Facts of content: rows by hand, and random texts against facts computed octet by octet.
 * All input is fed whole, cut in two at every place, and octet by octet.
 */
#include "message/facts.h"

#include <stdlib.h>

#include "smtp/data.h"
#include "tests/lib/tap.h"

static void
feed(struct facts *f, struct slice in, size_t first, size_t rest)
{
	facts_begin(f);
	facts_content(f, slice_of(in.p, first));
	for (in = slice_skip(in, first); in.n; in = slice_skip(in, rest))
		facts_content(f, slice_of(in.p, in.n < rest ? in.n : rest));
	facts_end(f);
}

static bool
crlf_at(struct slice s, size_t at)
{
	return at + 1 < s.n && s.p[at] == '\r' && s.p[at + 1] == '\n';
}

/* Octets of the header section: up to a line that begins with CR or LF. */
static size_t
header_octets(struct slice s)
{
	size_t at = 0;

	while (at < s.n && s.p[at] != '\r' && s.p[at] != '\n') {
		while (at < s.n && s.p[at] != '\n')
			at++;
		at += at < s.n;
	}
	return at;
}

static unsigned
received_fields(struct slice header)
{
	unsigned n = 0;

	for (size_t at = 0; at < header.n; at++) {
		struct slice line = slice_skip(header, at);

		if (at && header.p[at - 1] != '\n')
			continue;
		if (!slice_has_iprefix(line, SL("Received")))
			continue;
		line = slice_skip(line, 8);
		while (line.n && ascii_blank(line.p[0]))
			line = slice_skip(line, 1);
		n += line.n && line.p[0] == ':';
	}
	return n;
}

/* Compute the facts octet by octet. */
static void
reference(struct facts *f, struct slice in)
{
	const size_t header = header_octets(in);

	*f = (struct facts){ .octets = in.n, .line_start = true };
	f->received = received_fields(slice_of(in.p, header));
	for (size_t at = 0; at < in.n; at++) {
		if (crlf_at(in, at)) {
			f->line = 0;
			f->line_start = true;
			at++;
			continue;
		}
		f->bare |= in.p[at] == '\r' || in.p[at] == '\n';
		f->nul |= in.p[at] == '\0';
		f->dot_line |= f->line_start && in.p[at] == '.';
		f->line_start = false;
		f->eight_bit |= (unsigned char)in.p[at] > 127;
		f->header_eight_bit |= at < header && (unsigned char)in.p[at] > 127;
		f->line++;
		if (f->line > f->longest_line)
			f->longest_line = f->line;
	}
}

static bool
same(const struct facts *a, const struct facts *b)
{
	return a->octets == b->octets && a->longest_line == b->longest_line &&
	    a->received == b->received && a->eight_bit == b->eight_bit &&
	    a->header_eight_bit == b->header_eight_bit && a->dot_line == b->dot_line &&
	    a->bare == b->bare && a->nul == b->nul && a->line_start == b->line_start &&
	    a->line == b->line;
}

/* Are the facts equal to the reference: whole, octet by octet, and cut at every place? */
static bool
agrees(struct slice in)
{
	struct facts want, got;

	reference(&want, in);
	feed(&got, in, 0, 1);
	if (!same(&want, &got))
		return false;
	for (size_t cut = 0; cut <= in.n; cut++) {
		feed(&got, in, cut, in.n);
		if (!same(&want, &got))
			return false;
	}
	return true;
}

static const struct row {
	const char *name;
	struct slice in;
	uint64_t longest;
	unsigned received;
	bool eight_bit, header_eight_bit, dot_line, bare, nul, unended;
} of_data[] = {
	/* as DATA carries it, with the final dot */
	{ .name = "plain", .in = S("Subject: x\r\n\r\nabc\r\n.\r\n"), .longest = 10 },
	{ .name = "8-bit body",
	  .in = S("S: x\r\n\r\n\xc3\xbc\r\n.\r\n"), .longest = 4, .eight_bit = true },
	{ .name = "8-bit header",
	  .in = S("S: \xc3\xbc\r\n\r\nx\r\n.\r\n"), .longest = 5, .eight_bit = true,
	  .header_eight_bit = true },
	{ .name = "8-bit deep in a long header line",
	  .in = S("Subject: 0123456789012345678901234567890\xff\r\n\r\n.\r\n"), .longest = 41,
	  .eight_bit = true, .header_eight_bit = true },
	{ .name = "8-bit where there is no body",
	  .in = S("S: x\r\nT: \xff\r\n.\r\n"), .longest = 4, .eight_bit = true,
	  .header_eight_bit = true },
	{ .name = "a line that begins with a dot",
	  .in = S("\r\n..\r\n.\r\n"), .longest = 1, .dot_line = true },
	{ .name = "a dot that was not doubled is gone", .in = S("\r\n.x\r\n.\r\n"), .longest = 1 },
	{ .name = "H101 Received, any case",
	  .in = S("Received: a\r\nRECEIVED:b\r\nreceived:\r\n\r\n.\r\n"), .longest = 11,
	  .received = 3 },
	{ .name = "Received in the body",
	  .in = S("S: x\r\n\r\nReceived: a\r\n.\r\n"), .longest = 11 },
	{ .name = "Received folded",
	  .in = S("Received: a\r\n received: b\r\n\treceived: c\r\n\r\n.\r\n"), .longest = 12,
	  .received = 1 },
	{ .name = "nearly Received",
	  .in = S("Receive: a\r\nXReceived: b\r\nReceived; c\r\n\r\n.\r\n"), .longest = 12 },
	{ .name = "Received twice in a line",
	  .in = S("Received: Received: a\r\n\r\n.\r\n"), .longest = 21, .received = 1 },
	{ .name = "H084 the last line is the longest",
	  .in = S("a\r\n\r\nabcdefghij\r\n.\r\n"), .longest = 10 },
}, of_bdat[] = {
	/* as BDAT carries it */
	{ .name = "nothing", .in = S("") },
	{ .name = "text", .in = S("Subject: x\r\n\r\nabc\r\n"), .longest = 10 },
	{ .name = "no final CRLF", .in = S("a: b\r\n\r\nabc"), .longest = 4, .unended = true },
	{ .name = "NUL", .in = S("a\0b\r\n"), .longest = 3, .nul = true },
	{ .name = "bare LF", .in = S("ab\ncd\r\n"), .longest = 5, .bare = true },
	{ .name = "bare CR", .in = S("ab\rcd\r\n"), .longest = 5, .bare = true },
	{ .name = "CR at the end", .in = S("ab\r"), .longest = 3, .bare = true, .unended = true },
	{ .name = "CRCRLF", .in = S("ab\r\r\n"), .longest = 3, .bare = true },
	{ .name = "LFCR", .in = S("ab\n\r"), .longest = 4, .bare = true, .unended = true },
	{ .name = "H122 dots are content",
	  .in = S(".\r\n..\r\n.\r\n"), .longest = 2, .dot_line = true },
	{ .name = "a dot after a bare LF begins no line",
	  .in = S("a\n.\r\n"), .longest = 3, .bare = true },
	{ .name = "8-bit header",
	  .in = S("a: \xc3\xbc\r\n\r\nabc\r\n"), .longest = 5, .eight_bit = true,
	  .header_eight_bit = true },
	{ .name = "8-bit body",
	  .in = S("a: b\r\n\r\n\xc3\xbc\r\n"), .longest = 4, .eight_bit = true },
	{ .name = "hops",
	  .in = S("Received: x\r\nreceived: y\r\n\r\nReceived: z\r\n"), .longest = 11,
	  .received = 2 },
	{ .name = "a blank in front of the colon",
	  .in = S("Received : x\r\nReceived\t:y\r\n"), .longest = 12, .received = 2 },
	{ .name = "hops after the line of a mailbox file",
	  .in = S("Received: x\r\nFrom joe Mon Jan  1\r\nReceived: y\r\n\r\n"), .longest = 19,
	  .received = 2 },
	{ .name = "hops after a line that begins with a blank",
	  .in = S(" Received: x\r\nReceived: y\r\n"), .longest = 12, .received = 1 },
	{ .name = "hops and 8 bits after a line without a colon",
	  .in = S("hello\r\nReceived: \xff\r\n\r\n"), .longest = 11, .received = 1,
	  .eight_bit = true, .header_eight_bit = true },
	{ .name = "a NUL in a word with a tab",
	  .in = S("\tabcdefg\0hijklm\t\r\n"), .longest = 16, .nul = true },
	{ .name = "a NUL and an octet above 127 after a line end",
	  .in = S("abc\r\n\0\xff\r\n"), .longest = 3, .nul = true, .eight_bit = true,
	  .header_eight_bit = true },
};

static bool
is_as(const struct facts *f, const struct row *want, size_t octets)
{
	return f->octets == octets && f->longest_line == want->longest &&
	    f->received == want->received && f->eight_bit == want->eight_bit &&
	    f->header_eight_bit == want->header_eight_bit &&
	    f->dot_line == want->dot_line && f->bare == want->bare && f->nul == want->nul &&
	    f->line_start == !want->unended && facts_binary(f) == (want->bare || want->nul);
}

static void
test_row(const struct row *row, struct slice content, const char *kind)
{
	struct facts f;

	feed(&f, content, 0, content.n);
	ok(is_as(&f, row, content.n), "%s: %s (%u Received, longest %u)", kind, row->name,
	    f.received, (unsigned)f.longest_line);
	ok(agrees(content), "%s, however it is cut: %s", kind, row->name);
}

static void
test_of_data(void)
{
	for (size_t i = 0; i < sizeof of_data / sizeof of_data[0]; i++) {
		struct smtp_data d;
		char content[256];
		size_t n, used;

		smtp_data_init(&d, SMTP_CRLF);
		n = smtp_data_decode(&d, of_data[i].in, content, &used);
		ok(d.done, "the end of DATA: %s", of_data[i].name);
		test_row(&of_data[i], slice_of(content, n), "DATA");
	}
}

/* Random texts, longer than the words that a run is examined in. */
static void
test_random(void)
{
	static const char special[] = "\r\n.\r\n\r\n.\0\t\xff: \x8d\x8a\x0e\x0b";
	static const unsigned rarity[] = { 1, 2, 4, 16 };
	char text[512];

	srand(2);
	for (size_t i = 0; i < sizeof rarity / sizeof rarity[0]; i++) {
		bool fine = true;

		for (int round = 0; round < 4000 && fine; round++) {
			const size_t n = (size_t)rand() % sizeof text;

			for (size_t k = 0; k < n; k++) {
				if ((unsigned)rand() % rarity[i])
					text[k] = (char)('a' + rand() % 26);
				else
					text[k] = special[(size_t)rand() % (sizeof special - 1)];
			}
			for (size_t k = 0; round % 4 == 1 && k + 1 < n; k += 2 + (size_t)rand() % 9)
				memcpy(text + k, "\r\n", 2);
			if (n > 20 && round % 4 == 0)
				memcpy(text + rand() % 10, "\r\nReceived:", 11);
			fine = agrees(slice_of(text, n));
			for (size_t k = 0; !fine && k < n; k++)
				printf("# %02x\n", (unsigned char)text[k]);
		}
		ok(fine, "random texts, one octet in %u special", rarity[i]);
	}
}

/* Lines of every length up to 80, with at most two octets that are something else: enough clean
 * lines for the blocks that are examined without a look at each line. */
static void
test_random_lines(void)
{
	static const char special[] = "\r\n.\0\xff";
	char text[700];
	bool fine = true;

	srand(3);
	for (int round = 0; round < 1000 && fine; round++) {
		const size_t n = (size_t)rand() % sizeof text, longest = (size_t)rand() % 80 + 1;
		size_t left = 0;

		for (size_t i = 0; i < n; i++) {
			text[i] = (char)(left == 1 ? '\r' : left ? 'a' + rand() % 26 : '\n');
			left = left ? left - 1 : (size_t)rand() % longest + 1;
		}
		for (int i = rand() % 3; n && i > 0; i--)
			text[(size_t)rand() % n] =
			    special[(size_t)rand() % (sizeof special - 1)];
		fine = agrees(slice_of(text, n));
	}
	ok(fine, "random lines with a few other octets");
}

/* Another header section in front of the same body: the facts of the whole. */
static void
test_new_header(void)
{
	static const struct slice headers[] = {
		S("A: b\r\n"), S("A: \xc3\xa4\r\n"), S(".A: b\r\n\tfolded\r\n"), S(""),
		S("Received: x\r\nA: a long line, longer than any of the others are\r\n"),
	}, bodies[] = {
		S("\r\n"), S("\r\n.x\r\n"), S("\r\n\xff\r\n"), S(""),
		S("\r\na line without an end"),
	};
	const size_t nheaders = sizeof headers / sizeof headers[0];
	const size_t nbodies = sizeof bodies / sizeof bodies[0];

	for (size_t i = 0; i < nheaders * nheaders * nbodies; i++) {
		const struct slice was = headers[i % nheaders];
		const struct slice now = headers[i / nheaders % nheaders];
		const struct slice body = bodies[i / nheaders / nheaders];
		char first_space[200], second_space[200];
		struct buf first = BUF(first_space), second = BUF(second_space);
		struct facts f, want;

		buf_add(&first, was);
		buf_add(&first, body);
		buf_add(&second, now);
		buf_add(&second, body);
		feed(&f, buf_slice(&first), 0, first.n);
		facts_new_header(&f, now);
		feed(&want, buf_slice(&second), 0, second.n);
		want.octets = f.octets;
		if (body.n == 0)
			want.line = f.line;
		ok(same(&f, &want), "a new header section: %zu", i);
	}
}

int
main(void)
{
	test_of_data();
	test_new_header();
	for (size_t i = 0; i < sizeof of_bdat / sizeof of_bdat[0]; i++)
		test_row(&of_bdat[i], of_bdat[i].in, "BDAT");
	test_random();
	test_random_lines();
	return tap_done();
}
