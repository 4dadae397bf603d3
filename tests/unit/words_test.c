// SPDX-License-Identifier: ISC
#include "base/words.h"

#include "base/buf.h"
#include "tests/lib/tap.h"

#define BAD UINT64_MAX

static const struct {
	const char *text;
	uint64_t ms;
} durations[] = {
	{ "5d", 432000000 }, { "4h", 14400000 }, { "5min", 300000 }, { "90s", 90000 },
	{ "500ms", 500 }, { "90", 90000 }, { "0", 0 }, { "0ms", 0 }, { "5 min", 300000 },
	{ "007s", 7000 }, { "", BAD }, { "d", BAD }, { "5m", BAD }, { "5D", BAD }, { "5days", BAD },
	{ "-5s", BAD }, { "+5s", BAD }, { "1.5h", BAD }, { "1h30min", BAD }, { "0x10s", BAD },
	{ "5s ago", BAD }, { "213503982334d", UINT64_C(18446744073657600000) },
	{ "213503982335d", BAD }, { "18446744073709551616", BAD },
	{ "99999999999999999999999ms", BAD },
};

static const struct {
	const char *text;
	uint64_t octets;
} sizes[] = {
	{ "64K", 65536 }, { "50M", 52428800 }, { "1G", 1073741824 },
	{ "2T", UINT64_C(2199023255552) }, { "64k", 65536 }, { "50m", 52428800 }, { "4096", 4096 },
	{ "0", 0 }, { "1 M", 1048576 }, { "", BAD }, { "K", BAD }, { "1KB", BAD }, { "1KiB", BAD },
	{ "1P", BAD }, { "-1", BAD }, { "1.5M", BAD },
	{ "16777215T", UINT64_C(18446742974197923840) }, { "16777216T", BAD },
};

static const struct {
	const char *list, *words;	/* words, with '|' after each */
} lists[] = {
	{ "", "" }, { " \t ", "" }, { "a", "a|" }, { "a b", "a|b|" }, { "  a\t\tb  ", "a|b|" },
	{ "127.0.0.0/8 ::1 local", "127.0.0.0/8|::1|local|" }, { "a,b c", "a,b|c|" },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
		uint64_t v = BAD;
		bool good = words_duration_ms(slice_str(durations[i].text), &v);

		ok(good == (durations[i].ms != BAD) && v == durations[i].ms, "duration '%s'",
		    durations[i].text);
	}
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint64_t v = BAD;
		bool good = words_size(slice_str(sizes[i].text), &v);

		ok(good == (sizes[i].octets != BAD) && v == sizes[i].octets, "size '%s'",
		    sizes[i].text);
	}
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct slice word, list = slice_str(lists[i].list);
		char text[64];
		struct buf b = BUF(text);

		while ((word = words_next(&list)).n) {
			buf_add(&b, word);
			buf_chr(&b, '|');
		}
		is(buf_slice(&b), slice_str(lists[i].words), lists[i].list);
	}
	return tap_done();
}
