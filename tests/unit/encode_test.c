// SPDX-License-Identifier: ISC
/*
 * The encoder of DATA: rows by hand, random input against a slow encoder, and back through the
 * decoder.  All input is fed whole, cut in two at every place, and octet by octet.
 */
#include "smtp/data.h"

#include <stdlib.h>

#include "tests/lib/random_text.h"
#include "tests/lib/tap.h"

#define MAX 8192

/* The slow encoder: every line end becomes CRLF, the last line is ended, dots are doubled. */
static size_t
reference_encode(struct slice in, char *out)
{
	bool start = true;
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '\n' && i && in.p[i - 1] == '\r')
			continue;
		if (in.p[i] == '\r' || in.p[i] == '\n') {
			out[n++] = '\r';
			out[n++] = '\n';
			start = true;
			continue;
		}
		if (start && in.p[i] == '.')
			out[n++] = '.';
		out[n++] = in.p[i];
		start = false;
	}
	if (!start) {
		out[n++] = '\r';
		out[n++] = '\n';
	}
	return n;
}

/* Encode in pieces, each into a buffer of just the size that smtp_data_encode() may fill. */
static size_t
encode(struct slice in, size_t first, size_t rest, char *out)
{
	unsigned state = 0;
	size_t at = 0, n = 0;

	do {
		size_t step = at == 0 && first ? first : rest;
		size_t len = in.n - at > step ? step : in.n - at;
		char *piece = malloc(2 * len + 2);
		size_t got;

		if (!piece)
			abort();
		got = smtp_data_encode(&state, slice_of(in.p + at, len), at + len == in.n, piece);
		memcpy(out + n, piece, got);
		free(piece);
		n += got;
		at += len;
	} while (at < in.n);
	return n;
}

static bool
encodes(struct slice in)
{
	static char want[2 * MAX], got[2 * MAX];
	static char back[2 * MAX];
	struct smtp_data d;
	size_t n = reference_encode(in, want), back_n, used;

	for (size_t cut = 0; cut <= in.n; cut++)
		if (encode(in, cut, in.n ? in.n : 1, got) != n || memcmp(got, want, n) != 0)
			return false;
	if (encode(in, 0, 1, got) != n || memcmp(got, want, n) != 0)
		return false;
	memcpy(got + n, ".\r\n", 3);
	smtp_data_init(&d, SMTP_CRLF);
	back_n = smtp_data_decode(&d, slice_of(got, n + 3), back, &used);
	if (!d.done || d.bare || used != n + 3)
		return false;
	/* Decoded, only the line ends differ from in; encoded again, it is the same. */
	return back_n <= n && encode(slice_of(back, back_n), 0, MAX, got) == n &&
	    memcmp(got, want, n) == 0;
}

static void
test_encode(void)
{
	static const struct { const char *name; struct slice in, want; } cases[] = {
		{ "nothing", S(""), S("") },
		{ "one line", S("a\r\n"), S("a\r\n") },
		{ "R078 a dot is doubled", S(".a\r\n..\r\n.\r\n"), S("..a\r\n...\r\n..\r\n") },
		{ "dots inside a line are not", S("a.b.\r\n"), S("a.b.\r\n") },
		{ "R093 missing last CRLF", S("a"), S("a\r\n") },
		{ "R093 missing last CRLF after a dot", S("a\r\n."), S("a\r\n..\r\n") },
		{ "R093 bare LF", S("a\nb\n"), S("a\r\nb\r\n") },
		{ "R093 bare CR", S("a\rb\r"), S("a\r\nb\r\n") },
		{ "R093 CR at the very end", S("a\r"), S("a\r\n") },
		{ "R093 CRCRLF", S("a\r\r\nb"), S("a\r\n\r\nb\r\n") },
		{ "R093 LFCR", S("a\n\rb"), S("a\r\n\r\nb\r\n") },
		{ "R093 LF.LF", S("a\n.\nb\n"), S("a\r\n..\r\nb\r\n") },
		{ "R093 CR.CR", S("a\r.\rb\n"), S("a\r\n..\r\nb\r\n") },
		{ "NUL and 8-bit octets", S("\0\xff\r\n"), S("\0\xff\r\n") },
	};
	static char out[2 * MAX];
	char text[128];

	srand(3);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		is(slice_of(out, encode(cases[i].in, 0, MAX, out)), cases[i].want, cases[i].name);
		ok(encodes(cases[i].in), "however it is cut, and back: %s", cases[i].name);
	}
	for (unsigned rare = 1; rare <= 16; rare *= 4) {
		bool fine = true;

		for (int round = 0; round < 4000 && fine; round++)
			fine = encodes(random_text(text, sizeof text, rare));
		ok(fine, "random texts, one octet in %u special", rare);
	}
}

/* Content that needs no change comes back unchanged, in pieces of any size. */
static void
test_round_trip(void)
{
	static const size_t sizes[] = { 1, 2, 7, 8, 9, 100, MAX };
	static char text[MAX / 2], wire[2 * MAX], back[2 * MAX];
	size_t n = 0;

	for (unsigned line = 0; n + 100 < sizeof text; line++) {
		for (unsigned i = 0; i < line * 7 % 90; i++)
			text[n++] = i == 0 && line % 3 == 0 ? '.' : (char)('!' + (line + i) % 200);
		memcpy(text + n, "\r\n", 2);
		n += 2;
	}
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		size_t on_wire = encode(slice_of(text, n), 0, sizes[i], wire), back_n, used;
		struct smtp_data d;

		memcpy(wire + on_wire, ".\r\nQUIT", 7);
		smtp_data_init(&d, SMTP_CRLF);
		back_n = smtp_data_decode(&d, slice_of(wire, on_wire + 7), back, &used);
		ok(d.done && !d.bare && used == on_wire + 3 && back_n == n &&
		    memcmp(back, text, n) == 0,
		    "H090 unchanged in pieces of %zu", sizes[i]);
	}
}

int
main(void)
{
	test_encode();
	test_round_trip();
	return tap_done();
}
