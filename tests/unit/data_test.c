// SPDX-License-Identifier: ISC
/*
 * Content of DATA: rows by hand, and random input against a decoder that is written the slow way.
 * All input is fed whole, cut in two at every place, and octet by octet.
 */
#include "smtp/data.h"

#include <stdlib.h>

#include "message/facts.h"
#include "tests/lib/random_text.h"
#include "tests/lib/tap.h"

#define MAX 8192

struct result {
	struct smtp_data d;
	struct facts facts;		/* of out */
	char out[2 * MAX];
	size_t n, consumed;
};

/*
 * Feed `in` in pieces: one of `first` octets, then pieces of `rest` octets.  Octets that a call
 * leaves are offered again.
 */
static void
feed(struct result *r, enum smtp_newlines newlines, struct slice in, size_t first, size_t rest)
{
	size_t end = 0;

	smtp_data_init(&r->d, newlines);
	facts_begin(&r->facts);
	r->n = r->consumed = 0;
	while (end < in.n) {
		size_t step = end == 0 && first ? first : rest;
		size_t used, n;

		end = in.n - end > step ? end + step : in.n;
		n = smtp_data_decode(&r->d, slice_of(in.p + r->consumed, end - r->consumed),
		    r->out + r->n, &used);
		facts_content(&r->facts, slice_of(r->out + r->n, n));
		r->n += n;
		r->consumed += used;
	}
	facts_end(&r->facts);
}

/* Decode the whole input octet by octet, in the words of the standard (RFC 5321 section 4.5.2). */
static void
reference(struct result *r, enum smtp_newlines newlines, struct slice in)
{
	size_t at = 0;
	bool start = true;

	smtp_data_init(&r->d, newlines);
	r->n = r->consumed = 0;
	while (at < in.n && !r->d.done) {
		bool lf = newlines == SMTP_LF_TOO && in.p[at] == '\n';
		bool crlf = in.n - at > 1 && in.p[at] == '\r' && in.p[at + 1] == '\n';

		if (in.p[at] == '\r' && at + 1 == in.n)
			break;
		if (start && in.p[at] == '.') {
			if (at + 1 == in.n || (in.p[at + 1] == '\r' && at + 2 == in.n))
				break;
			start = false;
			at++;
			if (newlines == SMTP_LF_TOO && in.p[at] == '\n') {
				r->d.done = true;
				at++;
			} else if (in.p[at] == '\r' && in.p[at + 1] == '\n') {
				r->d.done = true;
				at += 2;
			}
		} else if (lf || crlf) {
			memcpy(r->out + r->n, "\r\n", 2);
			r->n += 2;
			at += lf ? 1 : 2;
			start = true;
		} else {
			char c = in.p[at++];

			start = false;
			r->out[r->n++] = c;
			if (c == '\r' || c == '\n')
				r->d.bare = true;
		}
	}
	r->consumed = at;
}

static bool
same(const struct result *a, const struct result *b)
{
	return a->n == b->n && a->consumed == b->consumed && memcmp(a->out, b->out, a->n) == 0 &&
	    a->d.done == b->d.done && a->d.bare == b->d.bare;
}

/* Is the result equal to the reference: whole, octet by octet, and cut at every place? */
static bool
agrees(enum smtp_newlines newlines, struct slice in)
{
	static struct result want, got;

	reference(&want, newlines, in);
	feed(&got, newlines, in, 0, 1);
	if (!same(&want, &got))
		return false;
	for (size_t cut = 1; cut <= in.n; cut++) {
		feed(&got, newlines, in, cut, in.n);
		if (!same(&want, &got))
			return false;
	}
	return true;
}

/* `in` is decoded as `out`; `left` octets of it are not consumed. */
static const struct decode {
	const char *name;
	enum smtp_newlines newlines;	/* SMTP_CRLF without a value */
	struct slice in, out;
	size_t left;
	bool done, bare;
} decodes[] = {
	{ .name = "H091 empty message", .in = S(".\r\n"), .out = S(""), .done = true },
	{ .name = "one line", .in = S("a\r\n.\r\n"), .out = S("a\r\n"), .done = true },
	{ .name = "octets after the end stay",
	  .in = S("a\r\n.\r\nQUIT\r\n"), .out = S("a\r\n"), .left = 6, .done = true },
	{ .name = "H077 a doubled dot", .in = S("..x\r\n.\r\n"), .out = S(".x\r\n"), .done = true },
	{ .name = "H077 two dots", .in = S("..\r\n.\r\n"), .out = S(".\r\n"), .done = true },
	{ .name = "H077 three dots", .in = S("...\r\n.\r\n"), .out = S("..\r\n"), .done = true },
	{ .name = "H077 a dot that was not doubled",
	  .in = S(".x\r\n.\r\n"), .out = S("x\r\n"), .done = true },
	{ .name = "dots inside a line",
	  .in = S("a.\r\nb..c\r\n.\r\n"), .out = S("a.\r\nb..c\r\n"), .done = true },
	{ .name = "empty lines", .in = S("\r\n\r\n.\r\n"), .out = S("\r\n\r\n"), .done = true },
	{ .name = "NUL and 8-bit octets",
	  .in = S("a\0\xff\r\n.\r\n"), .out = S("a\0\xff\r\n"), .done = true },
	{ .name = "a dot waits", .in = S("a\r\n."), .out = S("a\r\n"), .left = 1 },
	{ .name = "a dot and CR wait", .in = S("a\r\n.\r"), .out = S("a\r\n"), .left = 2 },
	{ .name = "CR waits", .in = S("a\r"), .out = S("a"), .left = 1 },
	{ .name = "H079 LF.LF",
	  .in = S("a\n.\nb\r\n.\r\n"), .out = S("a\n.\nb\r\n"), .done = true, .bare = true },
	{ .name = "H079 LF.CRLF",
	  .in = S("a\n.\r\nb\r\n.\r\n"), .out = S("a\n.\r\nb\r\n"), .done = true, .bare = true },
	{ .name = "H079 CRLF.LF",
	  .in = S("a\r\n.\nb\r\n.\r\n"), .out = S("a\r\n\nb\r\n"), .done = true, .bare = true },
	{ .name = "H079 CR.CR",
	  .in = S("a\r.\rb\r\n.\r\n"), .out = S("a\r.\rb\r\n"), .done = true, .bare = true },
	{ .name = "H079 CRLF.CR",
	  .in = S("a\r\n.\rb\r\n.\r\n"), .out = S("a\r\n\rb\r\n"), .done = true, .bare = true },
	{ .name = "H079 CR.LF",
	  .in = S("a\r.\nb\r\n.\r\n"), .out = S("a\r.\nb\r\n"), .done = true, .bare = true },
	{ .name = "H079 CR.CRLF",
	  .in = S("a\r.\r\nb\r\n.\r\n"), .out = S("a\r.\r\nb\r\n"), .done = true, .bare = true },
	{ .name = "H079 CRCRLF.CRCRLF",
	  .in = S("a\r\r\n.\r\r\nb\r\n.\r\n"), .out = S("a\r\r\n\r\r\nb\r\n"), .done = true,
	  .bare = true },
	{ .name = "H079 CRLF.CRCRLF",
	  .in = S("a\r\n.\r\r\nb\r\n.\r\n"), .out = S("a\r\n\r\r\nb\r\n"), .done = true,
	  .bare = true },
	{ .name = "H079 CRLF.NULCRLF",
	  .in = S("a\r\n.\0\r\nb\r\n.\r\n"), .out = S("a\r\n\0\r\nb\r\n"), .done = true },
	{ .name = "H079 NULCRLF.CRLF ends",
	  .in = S("a\0\r\n.\r\n"), .out = S("a\0\r\n"), .done = true },
	{ .name = "H080 a bare LF",
	  .in = S("a\nb\r\n.\r\n"), .out = S("a\nb\r\n"), .done = true, .bare = true },
	{ .name = "H080 a bare CR",
	  .in = S("a\rb\r\n.\r\n"), .out = S("a\rb\r\n"), .done = true, .bare = true },
	{ .name = "H080 a bare LF as first octet",
	  .in = S("\n.\n.\r\n.\r\n"), .out = S("\n.\n.\r\n"), .done = true, .bare = true },
	{ .name = "LF lines",
	  .newlines = SMTP_LF_TOO, .in = S("a\nb\n.\n"), .out = S("a\r\nb\r\n"), .done = true },
	{ .name = "LF and CRLF mixed",
	  .newlines = SMTP_LF_TOO, .in = S("a\r\nb\n\n.\r\nQUIT\n"), .out = S("a\r\nb\r\n\r\n"),
	  .left = 5, .done = true },
	{ .name = "LF: a doubled dot",
	  .newlines = SMTP_LF_TOO, .in = S("..x\n.y\n.\n"), .out = S(".x\r\ny\r\n"), .done = true },
	{ .name = "LF: empty message",
	  .newlines = SMTP_LF_TOO, .in = S(".\n"), .out = S(""), .done = true },
	{ .name = "LF: CRLF.LF ends",
	  .newlines = SMTP_LF_TOO, .in = S("a\r\n.\nb"), .out = S("a\r\n"), .left = 1,
	  .done = true },
	{ .name = "LF: a bare CR still spoils",
	  .newlines = SMTP_LF_TOO, .in = S("a\rb\n.\n"), .out = S("a\rb\r\n"), .done = true,
	  .bare = true },
	{ .name = "LF: CR.CR ends nothing",
	  .newlines = SMTP_LF_TOO, .in = S("a\r.\rb\n.\n"), .out = S("a\r.\rb\r\n"), .done = true,
	  .bare = true },
	{ .name = "LF: CRCRLF",
	  .newlines = SMTP_LF_TOO, .in = S("a\r\r\n.\n"), .out = S("a\r\r\n"), .done = true,
	  .bare = true },
	{ .name = "LF: a dot waits",
	  .newlines = SMTP_LF_TOO, .in = S("a\n."), .out = S("a\r\n"), .left = 1 },
};

static void
test_decode(void)
{
	static struct result r;

	for (size_t i = 0; i < sizeof decodes / sizeof decodes[0]; i++) {
		const struct decode *c = &decodes[i];

		feed(&r, c->newlines, c->in, 0, c->in.n);
		is(slice_of(r.out, r.n), c->out, c->name);
		ok(r.d.done == c->done && r.d.bare == c->bare && c->in.n - r.consumed == c->left &&
		    r.facts.octets == r.n, "its end");
		ok(agrees(c->newlines, c->in), "however it is cut: %s", c->name);
	}
}

static void
test_random_decode(void)
{
	static const unsigned rarity[] = { 1, 2, 4, 16 };
	char text[128];

	srand(2);
	for (size_t i = 0; i < sizeof rarity / sizeof rarity[0]; i++) {
		bool fine = true;

		for (int round = 0; round < 4000 && fine; round++) {
			struct slice in = random_text(text, sizeof text, rarity[i]);

			fine = agrees(SMTP_CRLF, in) && agrees(SMTP_LF_TOO, in);
			for (size_t k = 0; !fine && k < in.n; k++)
				printf("# %02x\n", (unsigned char)in.p[k]);
		}
		ok(fine, "H082 random texts, one octet in %u special", rarity[i]);
	}
}

/* Lines of every length up to 20, with at most two octets that are something else. */
static struct slice
random_lines(char *p, size_t max)
{
	static const char special[] = "\r\n.x\0";
	const size_t n = (size_t)rand() % max;
	size_t line = 0;

	for (size_t i = 0; i < n; i++) {
		p[i] = (char)(line ? 'a' + rand() % 26 : '\n');
		if (line == 1)
			p[i] = '\r';
		line = line ? line - 1 : (size_t)rand() % 20 + 1;
	}
	for (int i = rand() % 3; n && i > 0; i--)
		p[(size_t)rand() % n] = special[(size_t)rand() % (sizeof special - 1)];
	return slice_of(p, n);
}

/* Enough clean lines for the blocks that are copied without a look at each line. */
static void
test_random_lines(void)
{
	static struct result whole, octets;
	char text[700];
	bool fine = true, normal = true;

	srand(3);
	for (int round = 0; round < 150; round++) {
		const struct slice in = random_lines(text, sizeof text);

		fine = fine && agrees(SMTP_CRLF, in) && agrees(SMTP_LF_TOO, in);
		feed(&whole, SMTP_NORMALIZE, in, 0, in.n);
		feed(&octets, SMTP_NORMALIZE, in, 0, 1);
		normal = normal && same(&whole, &octets);
	}
	ok(fine, "random lines with a few other octets");
	ok(normal, "normalize: the same");
}

/* Short lines of which every second or third begins with a dot; that may be the end. */
static struct slice
random_dots(char *p, size_t max)
{
	static const char *const lines[] = { "..\r\n", ".x\r\n", "..x\r\n", "\r\n", "x.\r\n",
		"xx\r\n", ".xyz.........\r\n", "..................................x\r\n" };
	const size_t n = (size_t)rand() % max;
	size_t at = 0;

	while (at < n) {
		const char *line = lines[(size_t)rand() % (sizeof lines / sizeof lines[0])];

		while (*line && at < n)
			p[at++] = *line++;
	}
	if (n && rand() % 4 == 0)
		p[(size_t)rand() % n] = "\r\n."[rand() % 3];
	return slice_of(p, n);
}

static void
test_random_dots(void)
{
	char text[700];
	bool fine = true;

	srand(4);
	for (int round = 0; round < 300; round++) {
		const struct slice in = random_dots(text, sizeof text);

		fine = fine && agrees(SMTP_CRLF, in) && agrees(SMTP_LF_TOO, in);
	}
	ok(fine, "random short lines with dots");
}

static void
test_after_the_end(void)
{
	struct smtp_data d;
	char out[64];
	size_t used;

	smtp_data_init(&d, SMTP_CRLF);
	ok(smtp_data_decode(&d, SL("a\r\n.\r\nRSET\r\n"), out, &used) == 3 && used == 6 && d.done,
	    "the end is found");
	ok(smtp_data_decode(&d, SL("RSET\r\n"), out, &used) == 0 && used == 0,
	    "H116 no more is taken");
	smtp_data_init(&d, SMTP_CRLF);
	ok(smtp_data_decode(&d, SL(""), out, &used) == 0 && used == 0 && !d.done, "no input");
	ok(smtp_data_decode(&d, slice_of(NULL, 0), out, &used) == 0 && used == 0,
	    "not even a pointer");
}

static const struct normalized {
	const char *name;
	struct slice in, out;
	size_t left;			/* octets after the end */
	bool done, dot_line;
} normalized[] = {
	{ .name = "normalize: a bare LF",
	  .in = S("a\nb\r\n.\r\n"), .out = S("a\r\nb\r\n"), .done = true },
	{ .name = "normalize: a bare CR",
	  .in = S("a\rb\r\n.\r\n"), .out = S("a\r\nb\r\n"), .done = true },
	{ .name = "normalize: CRCRLF",
	  .in = S("a\r\r\nb\r\r\r\n.\r\n"), .out = S("a\r\nb\r\n"), .done = true },
	{ .name = "normalize: LFCR",
	  .in = S("a\n\rb\r\n.\r\n"), .out = S("a\r\n\r\nb\r\n"), .done = true },
	{ .name = "H079 normalize: LF.LF",
	  .in = S("a\n.\nb\r\n.\r\n"), .out = S("a\r\n.\r\nb\r\n"), .done = true,
	  .dot_line = true },
	{ .name = "H079 normalize: LF.CRLF",
	  .in = S("a\n.\r\nb\r\n.\r\n"), .out = S("a\r\n.\r\nb\r\n"), .done = true,
	  .dot_line = true },
	{ .name = "H079 normalize: CRLF.LF",
	  .in = S("a\r\n.\nb\r\n.\r\n"), .out = S("a\r\n\r\nb\r\n"), .done = true },
	{ .name = "H079 normalize: CR.CR",
	  .in = S("a\r.\rb\r\n.\r\n"), .out = S("a\r\n.\r\nb\r\n"), .done = true,
	  .dot_line = true },
	{ .name = "H079 normalize: CRLF.CR",
	  .in = S("a\r\n.\rb\r\n.\r\n"), .out = S("a\r\n\r\nb\r\n"), .done = true },
	{ .name = "H079 normalize: CRLF.CRCRLF",
	  .in = S("a\r\n.\r\r\nb\r\n.\r\n"), .out = S("a\r\n\r\nb\r\n"), .done = true },
	{ .name = "H079 normalize: CRLF.NULCRLF",
	  .in = S("a\r\n.\0\r\n.\r\n"), .out = S("a\r\n\0\r\n"), .done = true },
	{ .name = "normalize: CRLF.CRLF only",
	  .in = S("a\n\r\n.\r\nNOOP\r\n"), .out = S("a\r\n\r\n"), .left = 6, .done = true },
	{ .name = "normalize: dots after a bare LF are not doubled",
	  .in = S("a\n..b\r\n..c\r\n.\r\n"), .out = S("a\r\n..b\r\n.c\r\n"), .done = true,
	  .dot_line = true },
	{ .name = "normalize: a CR waits", .in = S("a\r"), .out = S("a"), .left = 1 },
};

static void
test_normalize(void)
{
	static struct result r;

	for (size_t i = 0; i < sizeof normalized / sizeof normalized[0]; i++) {
		const struct normalized *c = &normalized[i];
		bool fine = true;

		for (size_t cut = 0; cut <= c->in.n; cut++) {
			feed(&r, SMTP_NORMALIZE, c->in, cut, cut == c->in.n ? 1 : c->in.n);
			fine = fine && slice_eq(slice_of(r.out, r.n), c->out) &&
			    r.facts.dot_line == c->dot_line && r.d.done == c->done &&
			    !r.d.bare && c->in.n - r.consumed == c->left;
		}
		feed(&r, SMTP_NORMALIZE, c->in, 0, 1);
		is(slice_of(r.out, r.n), c->out, c->name);
		ok(fine, "however it is cut: %s", c->name);
	}
}

int
main(void)
{
	test_normalize();
	test_decode();
	test_random_decode();
	test_random_lines();
	test_random_dots();
	test_after_the_end();
	return tap_done();
}
