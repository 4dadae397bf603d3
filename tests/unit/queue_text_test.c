// SPDX-License-Identifier: ISC
#include "base/text.h"

#include <stdlib.h>

#include "tests/lib/tap.h"
#include "tools/queue/filter.h"

static char *shown;
static size_t shown_size;
static FILE *out;

static void
open_out(void)
{
	out = open_memstream(&shown, &shown_size);
	if (!out)
		abort();
}

static void
was(struct slice want, const char *name)
{
	(void)fclose(out);
	is(slice_of(shown, shown_size), want, name);
	free(shown);
}

static void
test_column(void)
{
	static const struct {
		const char *text;
		size_t columns;
		const char *plain, *utf8;
	} cases[] = {
		{ "abc", 5, "abc  ", "abc  " },
		{ "abcde", 5, "abcde", "abcde" },
		{ "abcdef", 5, "abcd~", "abcd\u2026" },
		{ "", 2, "  ", "  " },
		{ "x", 0, "", "" },
		{ "gr\u00fcn", 4, "gr?~", "gr\u00fcn" },
		{ "\u6f22\u5b57", 4, "???~", "\u6f22\u5b57" },
		{ "\u6f22\u5b57x", 4, "???~", "\u6f22\u2026 " },
		{ "a\u0301b", 2, "a~", "a\u0301b" },
		{ "\033[31m", 5, "?[31m", "?[31m" },
		{ "a\r\n\tb", 5, "a???b", "a???b" },
		{ "\302\233x\177", 4, "??x?", "??x?" },
		{ "\u202ex", 4, "???x", "???x" },
		{ "\377\300", 3, "?? ", "?? " },
	};

	for (int utf8 = 0; utf8 < 2; utf8++) {
		(void)setenv("LC_ALL", utf8 ? "C.UTF-8" : "C", 1);
		text_init();
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			const char *want = utf8 ? cases[i].utf8 : cases[i].plain;
			char name[80];

			(void)snprintf(name, sizeof name, "%s, case %zu", utf8 ? "UTF-8" : "ASCII",
			    i);
			open_out();
			text_column(out, slice_str(cases[i].text), cases[i].columns);
			was(slice_str(want), name);
		}
	}
}

/* A message in pieces of any size is shown like the whole. */
static void
test_lines(void)
{
	static const char text[] =
	    "a\r\nb\tgr\u00fcn\n\033]0;x\007\r\r\n\rz\xf0\x9f\x98\x80\xe2\x82";
	static const char want[] = "a\nb\tgr\u00fcn\n?]0;x??\n?z\xf0\x9f\x98\x80??";

	for (size_t piece = 1; piece <= sizeof text; piece++) {
		struct slice rest = slice_of(text, sizeof text - 1);
		char kept[64], name[40];
		size_t nkept = 0;

		open_out();
		while (rest.n) {
			size_t n = rest.n < piece ? rest.n : piece;
			struct slice all;

			memcpy(kept + nkept, rest.p, n);
			rest = slice_skip(rest, n);
			all = slice_of(kept, nkept + n);
			nkept = text_lines(out, all, rest.n == 0);
			memmove(kept, kept + all.n - nkept, nkept);
		}
		(void)snprintf(name, sizeof name, "lines in pieces of %zu", piece);
		was(slice_of(want, sizeof want - 1), name);
	}
}

/* The same in place, and a CR is a control character. */
static void
test_clean(void)
{
	static const char text[] =
	    "a\r\nb\tgr\u00fcn\n\033]0;x\007\302\233\177\rz\xf0\x9f\x98\x80\xe2\x82";
	static const char want[] = "a?\nb\tgr\u00fcn\n?]0;x?????z\xf0\x9f\x98\x80??";

	for (size_t piece = 1; piece <= sizeof text; piece++) {
		char cleaned[sizeof text];
		size_t from = 0, n = 0;

		memcpy(cleaned, text, sizeof text);
		while (from < sizeof text - 1) {
			n = n + piece < sizeof text - 1 ? n + piece : sizeof text - 1;
			from = n - text_clean(cleaned + from, n - from, n == sizeof text - 1);
		}
		ok(memcmp(cleaned, want, sizeof want) == 0, "cleaned in pieces of %zu", piece);
	}
}

static void
test_json(void)
{
	static const struct { struct slice text; const char *want; } cases[] = {
		{ S("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"" },
		{ S("\0\n\033\177"), "\"\\u0000\\u000a\\u001b\\u007f\"" },
		{ S("gr\u00fcn \U0001f600"), "\"gr\u00fcn \U0001f600\"" },
		{ S("\302\233\342\200\256\357\273\277"), "\"\\u009b\\u202e\\ufeff\"" },
		{ S("\377\355\240\200\300\200"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ S("\360\237\230"), "\"\\ufffd\\ufffd\\ufffd\"" },
		{ S(""), "\"\"" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		open_out();
		json_string(out, cases[i].text);
		was(slice_str(cases[i].want), "JSON string");
	}
}

static void
test_numbers(void)
{
	static const struct { uint64_t octets; const char *want; } sizes[] = {
		{ 0, "0" }, { 999, "999" }, { 1000, "1.0K" }, { 1024, "1.0K" }, { 1025, "1.1K" },
		{ 10240, "10K" }, { 1023 * 1024, "1.0M" }, { 50 << 20, "50M" },
		{ UINT64_MAX, "16E" },
	};
	static const struct { int64_t seconds; const char *want; } times[] = {
		{ -5, "0s" }, { 99, "99s" }, { 100, "1m" }, { 5999, "99m" }, { 6000, "1h" },
		{ 48 * 3600 - 1, "47h" }, { 48 * 3600, "2d" }, { INT64_C(999) * 86400, "999d" },
	};
	char space[32];

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct buf b = BUF(space);

		text_octets(&b, sizes[i].octets);
		is(buf_slice(&b), slice_str(sizes[i].want), "octets");
	}
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		struct buf b = BUF(space);

		text_duration(&b, times[i].seconds);
		is(buf_slice(&b), slice_str(times[i].want), "duration");
	}
}

static void
test_glob(void)
{
	static const struct { const char *pattern, *text; bool match; } cases[] = {
		{ "a@b", "a@b", true }, { "A@b", "a@B", true }, { "a@b", "a@bc", false },
		{ "a@b", "xa@b", false }, { "*", "", true }, { "", "", true }, { "", "a", false },
		{ "*@b", "a@b", true }, { "a*b*c", "axxbyybzzc", true },
		{ "a*b*c", "axxbyy", false }, { "?", "a", true }, { "?", "", false },
		{ "a?c*", "abc", true }, { "**", "x", true }, { "*a", "aaab", false },
		{ "u@[192.0.2.1]", "u@[192.0.2.1]", true }, { "*ab", "aab", true },
		{ "\"a\\b\"@c", "\"a\\b\"@c", true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(filter_glob(slice_str(cases[i].pattern), slice_str(cases[i].text)) ==
			cases[i].match,
		    "glob %s of %s", cases[i].pattern, cases[i].text);
}

static void
test_filter(void)
{
	struct queue_rcpt rcpts[] = {
		{ .path = S("done@example.org"), .domain = S("example.org"),
		    .state = QUEUE_DELIVERED },
		{ .path = S("left@sub.example.net"), .domain = S("sub.example.net"),
		    .state = QUEUE_PENDING },
	};
	struct queue_entry e = { .from = S("alice@example.com"), .rcpts = rcpts, .nrcpts = 2,
		.arrived_us = 1000000000 };
	static const struct {
		const char *name;
		struct filter f;
		bool match;
	} cases[] = {
		{ .name = "an empty filter", .f = { .older_s = -1, .younger_s = -1 },
		    .match = true },
		{ .name = "the sender",
		    .f = { .sender = "<alice@EXAMPLE.com>", .older_s = -1, .younger_s = -1 },
		    .match = true },
		{ .name = "another sender",
		    .f = { .sender = "lice@example.com", .older_s = -1, .younger_s = -1 },
		    .match = false },
		{ .name = "the null sender",
		    .f = { .sender = "<>", .older_s = -1, .younger_s = -1 }, .match = false },
		{ .name = "a pending recipient",
		    .f = { .recipient = "left@*", .older_s = -1, .younger_s = -1 }, .match = true },
		{ .name = "a delivered recipient",
		    .f = { .recipient = "done@*", .older_s = -1, .younger_s = -1 },
		    .match = false },
		{ .name = "the domain",
		    .f = { .domain = "sub.example.net", .older_s = -1, .younger_s = -1 },
		    .match = true },
		{ .name = "subdomains of the domain",
		    .f = { .domain = ".example.net", .older_s = -1, .younger_s = -1 },
		    .match = true },
		{ .name = "a domain is no subdomain of itself",
		    .f = { .domain = ".sub.example.net", .older_s = -1, .younger_s = -1 },
		    .match = false },
		{ .name = "recipient and domain of different recipients",
		    .f = { .recipient = "done@*", .domain = ".example.net", .older_s = -1,
			.younger_s = -1 },
		    .match = false },
		{ .name = "older than an hour", .f = { .older_s = 3600, .younger_s = -1 },
		    .match = true },
		{ .name = "older than two hours", .f = { .older_s = 7200, .younger_s = -1 },
		    .match = false },
		{ .name = "younger than two hours", .f = { .older_s = -1, .younger_s = 7200 },
		    .match = true },
		{ .name = "younger than an hour", .f = { .older_s = -1, .younger_s = 3600 },
		    .match = false },
	};
	static const struct {
		const char *pattern;
		bool match;
	} idn_cases[] = {
		{ "bob@f\303\266tz.example", true }, { "BOB@F\303\226TZ.Example", true },
		{ "bob@xn--ftz-sna.example", true }, { "bob@XN--FTZ-SNA.example", true },
		{ "*@f*tz.example", true }, { "*@F\303\226*", true }, { "*ftz-sna*", true },
		{ "<*@fo\314\210tz.example>", true }, { "*\303\226TZ.example", true },
		{ "bob@f\303\270tz.example", false }, { "bob@ftz.example", false },
		{ "b\303\266b@f\303\266tz.example", false },
	}, domains[] = {
		{ "F\303\226TZ.example", true }, { "xn--ftz-sna.EXAMPLE", true },
		{ "f\303\266*", true }, { "*z.example", true }, { ".example", true },
		{ ".f\303\266tz.example", false }, { "f\303\270tz.example", false },
	};
	static const char *const spellings[] = { "f\303\266tz.example", "xn--ftz-sna.example",
		"F\303\226TZ.EXAMPLE" };
	unsigned places = 0;
	int64_t age;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(filter_matches(&cases[i].f, &e, 1000000000 + INT64_C(5400) * 1000000) ==
			cases[i].match,
		    "filter: %s", cases[i].name);
	for (size_t i = 0; i < 3; i++) {
		char path[64];
		struct queue_rcpt rcpt = { .domain = slice_str(spellings[i]),
			.state = QUEUE_PENDING };
		struct queue_entry to = { .rcpts = &rcpt, .nrcpts = 1 };
		struct filter f = filter_none;

		(void)snprintf(path, sizeof path, "Bob@%s", spellings[i]);
		rcpt.path = slice_str(path);
		for (size_t k = 0; k < sizeof idn_cases / sizeof idn_cases[0]; k++) {
			f.recipient = idn_cases[k].pattern;
			ok(filter_matches(&f, &to, 0) == idn_cases[k].match, "%s matches %s: %d",
			    f.recipient, path, idn_cases[k].match);
		}
		f.recipient = NULL;
		for (size_t k = 0; k < sizeof domains / sizeof domains[0]; k++) {
			f.domain = domains[k].pattern;
			ok(filter_matches(&f, &to, 0) == domains[k].match,
			    "%s matches the domain %s: %d", f.domain, spellings[i],
			    domains[k].match);
		}
	}
	rcpts[1].state = QUEUE_FAILED;
	ok(filter_matches(&cases[5].f, &e, 0), "without a pending recipient, all count");
	ok(!filter_given(&filter_none) && filter_given(&cases[1].f),
	    "a filter with a value is set");
	ok(filter_states("held,NEW", &places) &&
		places == (QUEUE_BIT(QUEUE_IN_HOLD) | QUEUE_BIT(QUEUE_IN_NEW)),
	    "states");
	ok(!filter_states("", &places) && !filter_states("held,", &places) &&
		!filter_states("helds", &places),
	    "no states");
	ok(filter_age("2d", &age) && age == 172800 && filter_age("90", &age) && age == 90 &&
		!filter_age("", &age) && !filter_age("-1", &age) &&
		!filter_age("99999999999999999d", &age),
	    "ages");
}

static void
test_print(void)
{
	(void)setenv("LC_ALL", "C.UTF-8", 1);
	text_init();
	open_out();
	text_print(out, "%s [%s]\n", "a\nb", "\033[2J");
	was(SL("a?b [?[2J]\n"), "text_print: only the LF of the format stays");
	open_out();
	text_print(out, "%s", "a\n");
	was(SL("a?"), "text_print: an LF of the text does not stay");
	open_out();
	text_print(out, "%-4s|%d", "\u202ex", 7);
	was(SL("???x|7"), "text_print: marks of direction");
}

int
main(void)
{
	test_column();
	test_print();
	test_lines();
	test_clean();
	test_json();
	test_numbers();
	test_glob();
	test_filter();
	return tap_done();
}
