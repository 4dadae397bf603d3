// SPDX-License-Identifier: ISC
/*
 * Text of strangers as smtp-queue shows it.  The first octet chooses the locale, the width and the
 * size of the pieces; the rest is the text.  No octet is shown that a terminal obeys, a column has
 * its width, and JSON is one string of UTF-8.
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "tools/queue/filter.h"
#include "base/text.h"
#include "tests/fuzz/fuzz.h"

/* Require valid, printable UTF-8; lines: line ends and tabs are allowed. */
static void
harmless(struct slice s, bool lines)
{
	while (s.n) {
		size_t n = lines && (*s.p == '\n' || *s.p == '\t') ? 1 : utf8_printable(s);

		must(n > 0);
		s = slice_skip(s, n);
	}
}

static char *shown;
static size_t nshown;

static FILE *
begin(void)
{
	FILE *out = open_memstream(&shown, &nshown);

	must(out != NULL);
	return out;
}

static struct slice
end(FILE *out)
{
	must(fclose(out) == 0);
	return slice_of(shown, nshown);
}

static void
check_column(struct slice text, size_t columns)
{
	FILE *out = begin();

	text_column(out, text, columns);
	harmless(end(out), false);
	must(text_width(slice_of(shown, nshown)) == columns);
	free(shown);
}

static void
check_lines(struct slice text, size_t piece)
{
	char *space = malloc(text.n + 1), *whole;
	size_t kept = 0, nwhole;
	FILE *out = begin();

	must(space != NULL && text_lines(out, text, true) == 0);
	harmless(end(out), true);
	whole = shown;
	nwhole = nshown;
	out = begin();
	while (text.n) {
		size_t n = text.n < piece ? text.n : piece;

		memcpy(space + kept, text.p, n);
		text = slice_skip(text, n);
		n += kept;
		kept = text_lines(out, slice_of(space, n), text.n == 0);
		must(kept < 4);
		memmove(space, space + n - kept, kept);
	}
	must(slice_eq(end(out), slice_of(whole, nwhole)));
	free(shown);
	free(whole);
	free(space);
}

static void
check_clean(struct slice text, size_t piece)
{
	char *space = malloc(text.n + 1);
	size_t from = 0, n = 0;

	must(space != NULL);
	memcpy(space, text.p, text.n);
	while (from < text.n) {
		size_t kept;

		n = n + piece < text.n ? n + piece : text.n;
		kept = text_clean(space + from, n - from, n == text.n);
		must(kept < 4);
		from = n - kept;
	}
	harmless(slice_of(space, text.n), true);
	free(space);
}

static void
check_json(struct slice text)
{
	FILE *out = begin();
	struct slice s;

	json_string(out, text);
	s = end(out);
	harmless(s, false);
	must(s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"');
	for (size_t i = 1; i + 1 < s.n; i++) {
		must(s.p[i] != '"');
		if (s.p[i] == '\\')
			must(++i + 1 < s.n);
	}
	free(shown);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text, pattern;

	if (size == 0)
		return 0;
	must(setenv("LC_ALL", data[0] & 1 ? "C.UTF-8" : "C", 1) == 0);
	text_init();
	text = slice_of((const char *)data + 1, size - 1);
	check_column(text, data[0] >> 2);
	check_lines(text, 1 + (data[0] >> 4));
	check_clean(text, 1 + (data[0] >> 4));
	check_json(text);
	pattern = slice_cut(text, '\n', &text);
	(void)filter_glob(pattern, text);
	must(filter_glob(text, text) && filter_glob(SL("*"), text));
	return 0;
}
