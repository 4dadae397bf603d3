// SPDX-License-Identifier: ISC
#include "session/list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tests/lib/tap.h"

#define LONG_LINE 40000

static char long_line[LONG_LINE + 16], long_name[LONG_LINE + 16];

/* The lines that match() was asked about, each in brackets. */
struct seen {
	struct buf b;
	const char *wanted;
	char space[60000];
};

static bool
see(const void *ctx, struct slice line)
{
	struct seen *s = *(struct seen *const *)ctx;

	buf_chr(&s->b, '[');
	buf_add(&s->b, line);
	buf_chr(&s->b, ']');
	return s->wanted && slice_eq(line, slice_str(s->wanted));
}

static const struct list_case {
	const char *name, *file, *lines, *wanted;
	int found;
} cases[] = {
	{ .name = "nothing", .file = "", .lines = "" },
	{ .name = "one line", .file = "a\n", .lines = "[a]" },
	{ .name = "without its newline", .file = "a", .lines = "[a]" },
	{ .name = "empty lines", .file = "\n\na\n\n", .lines = "[a]" },
	{ .name = "blanks at both ends", .file = " \ta b\t \n", .lines = "[a b]" },
	{ .name = "nothing but blanks", .file = " \t\n", .lines = "" },
	{ .name = "CRLF", .file = "a\r\nb\r\n", .lines = "[a][b]" },
	{ .name = "a comment", .file = "# a\nb # c\n  #d\n", .lines = "[b]" },
	{ .name = "a hash inside a word", .file = "a#b\n", .lines = "[a#b]" },
	{ .name = "a comment after a tab", .file = "a\t#b\n", .lines = "[a]" },
	{ .name = "found, then no further",
	  .file = "a\nb\nc\n", .lines = "[a][b]", .wanted = "b", .found = 1 },
	{ .name = "found in the last line",
	  .file = "a\nb", .lines = "[a][b]", .wanted = "b", .found = 1 },
	{ .name = "not found", .file = "a\nb\n", .lines = "[a][b]", .wanted = "c" },
	{ .name = "a byte order mark", .file = "\xef\xbb\xbf" "a\n", .lines = "[a]" },
	{ .name = "a byte order mark alone", .file = "\xef\xbb\xbf", .lines = "" },
	{ .name = "a line that is too long",
	  .file = long_line, .lines = "[a][z]", .wanted = "z", .found = 1 },
};

static struct seen seen;

static int
scan_as(enum list_kind kind, const char *text, const char *wanted, size_t step)
{
	const struct seen *ctx = &seen;
	const int fd = memfd_create("list", 0);
	int r;

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    lseek(fd, 0, SEEK_SET) < 0)
		abort();
	seen.b = (struct buf)BUF(seen.space);
	seen.wanted = wanted;
	r = list_find_fd(fd, kind, step, see, &ctx);
	close(fd);
	return r;
}

static int
scan(const char *text, const char *wanted, size_t step)
{
	return scan_as(LIST_LINES, text, wanted, step);
}

static const struct list_case names[] = {
	{ .name = "a name", .file = "a: b\n", .lines = "[a]" },
	{ .name = "blanks in front of the colon", .file = "a \t: b\n", .lines = "[a]" },
	{ .name = "a line that continues",
	  .file = "a: b,\n c: d\n\te: f\ng:\n", .lines = "[a][g]" },
	{ .name = "comments", .file = "# a: b\n#c: d\nx: y # z: a\n", .lines = "[x]" },
	{ .name = "no colon", .file = "a\nb: c\n", .lines = "[b]" },
	{ .name = "nothing in front of it", .file = ": a\n", .lines = "" },
	{ .name = "quotes",
	  .file = "\"a: b\": c\n\"d\\\": e\": f\n", .lines = "[\"a: b\"][\"d\\\": e\"]" },
	{ .name = "quotes that do not end", .file = "\"a: b\nc: d\n", .lines = "[c]" },
	{ .name = "an address", .file = "a@b.example: c\r\n", .lines = "[a@b.example]" },
	{ .name = "found, and no further",
	  .file = "a: x\nb: x\nc: x\n", .lines = "[a][b]", .wanted = "b", .found = 1 },
	{ .name = "without a newline", .file = "a: b", .lines = "[a]", .wanted = "a", .found = 1 },
	{ .name = "a line of any length",
	  .file = long_name, .lines = "[n][z]", .wanted = "z", .found = 1 },
};

static void
test_names(void)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		for (size_t step = 1; step <= 1 << 20; step *= 1 << 10) {
			const int r = scan_as(LIST_NAMES, names[i].file, names[i].wanted, step);

			ok(r == names[i].found &&
			    slice_eq(buf_slice(&seen.b), slice_str(names[i].lines)),
			    "names: %s, %zu octets at a time", names[i].name, step);
		}
}

/* Lines of the greatest length that counts, and one more. */
static void
test_limit(void)
{
	static char text[LIST_LINE_MAX + 3];

	for (size_t n = LIST_LINE_MAX - 1; n <= LIST_LINE_MAX + 1; n++) {
		const bool fits = n <= LIST_LINE_MAX;

		memset(text, 'x', n);
		text[n] = '\0';
		(void)scan(text, NULL, SIZE_MAX);
		ok(seen.b.n == (fits ? n + 2 : 0), "%zu octets without a newline", n);
		memcpy(text + n, "\n", 2);
		(void)scan(text, NULL, 1);
		ok(seen.b.n == (fits ? n + 2 : 0), "%zu octets and a newline, byte by byte", n);
	}
}

static void
test_files(void)
{
	const struct seen *ctx = &seen;
	const struct slice key = S("a");
	const struct list_question q = { LIST_LINES, &key, 1, see, &ctx };
	char path[] = "/tmp/list_test.XXXXXX";
	const int fd = mkstemp(path);

	seen.b = (struct buf)BUF(seen.space);
	seen.wanted = "a";
	if (fd < 0 || write(fd, "a\n", 2) != 2)
		abort();
	ok(list_find(path, &q) == 1, "a file");
	(void)unlink(path);
	close(fd);
	ok(list_find(path, &q) == -ENOENT, "a file that is not there");
	ok(list_find("/", &q) == -EISDIR, "a folder");
	ok(list_find("/proc/self/mem", &q) == -EIO, "a file that cannot be read");
}

/* The file in the index, and what it is asked for. */
static const struct index_case {
	const char *name;
	enum list_kind kind;
	const char *file, *key, *lines;
} indexed[] = {
	{ .name = "a line", .file = "x\na\ny\n", .key = "a", .lines = "[a]" },
	{ .name = "in any case", .file = "aBc@D.e\n", .key = "AbC@d.E", .lines = "[aBc@D.e]" },
	{ .name = "without a newline", .file = "x\na", .key = "a", .lines = "[a]" },
	{ .name = "twice", .file = "a\nb\n a #x\n", .key = "a", .lines = "[a][a]" },
	{ .name = "not there", .file = "b\nc\n", .key = "a", .lines = "" },
	{ .name = "a comment", .file = "#a\n", .key = "a", .lines = "" },
	{ .name = "a domain", .file = "@a.b\na.b\n", .key = "a.b", .lines = "[@a.b][a.b]" },
	{ .name = "quoted without need", .file = "\"x\"@y\n", .key = "x@y",
	    .lines = "[\"x\"@y]" },
	{ .name = "a long line", .file = long_line, .key = "z", .lines = "[z]" },
	{ .name = "an empty file", .file = "", .key = "a", .lines = "" },
	{ .name = "a name", .kind = LIST_NAMES, .file = "a: b\n c: d\n", .key = "a",
	    .lines = "[a]" },
	{ .name = "a continued line", .kind = LIST_NAMES, .file = "a: b\n c: d\n", .key = "c",
	    .lines = "" },
	{ .name = "a name in front of a long line", .kind = LIST_NAMES, .file = long_name,
	    .key = "n", .lines = "[n]" },
	{ .name = "a user", .kind = LIST_USERS, .file = "a: b\nc: a\na : c\n", .key = "a",
	    .lines = "[a: b][a : c]" },
	{ .name = "a sender", .kind = LIST_SENDERS, .file = "a: b\nc: a\n\"a\" : c\n",
	    .key = "a", .lines = "[a: b][\"a\" : c]" },
	{ .name = "a domain of senders", .kind = LIST_SENDERS, .file = "@A.b: c@d\n: x\n",
	    .key = "a.b", .lines = "[@A.b: c@d]" },
	{ .name = "in brackets", .file = "<x@y>\n", .key = "x@y", .lines = "[<x@y>]" },
	{ .name = "behind a byte order mark", .file = "\xef\xbb\xbf" "a\n", .key = "a",
	    .lines = "[a]" },
	{ .name = "a name behind a byte order mark", .kind = LIST_NAMES,
	    .file = "\xef\xbb\xbf" "a: b\n", .key = "a", .lines = "[a]" },
};

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static void
test_index(void)
{
	const struct seen *ctx = &seen;
	char path[] = "/tmp/list_test.XXXXXX";

	close(mkstemp(path));
	seen.wanted = NULL;
	for (size_t i = 0; i < sizeof indexed / sizeof indexed[0]; i++) {
		const struct slice key = slice_str(indexed[i].key);
		const struct list_question q = { indexed[i].kind, &key, 1, see, &ctx };

		write_file(path, indexed[i].file);
		for (int times = 0; times < 2; times++) {
			seen.b = (struct buf)BUF(seen.space);
			ok(list_find(path, &q) == 0, "index: %s", indexed[i].name);
			is(buf_slice(&seen.b), slice_str(indexed[i].lines), "and its lines");
		}
	}
	(void)unlink(path);
}

/* A list of a million lines, and one question more than the first. */
static void
test_million(void)
{
	const struct seen *ctx = &seen;
	const struct slice keys[] = { S("u999999@d.example"), S("nobody@d.example") };
	const struct list_question q = { LIST_LINES, keys, 2, see, &ctx };
	char path[] = "/tmp/list_test.XXXXXX";
	FILE *f = fdopen(mkstemp(path), "w");
	clock_t started;

	for (unsigned i = 0; i < 1000000; i++)
		(void)fprintf(f, "u%u@d.example\n", i);
	(void)fclose(f);
	seen.wanted = NULL;
	ok(list_find(path, &q) == 0, "a million lines");
	seen.b = (struct buf)BUF(seen.space);
	started = clock();
	ok(list_find(path, &q) == 0, "and again");
	started = clock() - started;
	ok(started < CLOCKS_PER_SEC / 1000, "in less than 1 ms of a processor: %ld us",
	    (long)started);
	is(buf_slice(&seen.b), SL("[u999999@d.example]"), "only one line is compared");
	write_file(path, "nobody@d.example\n");
	seen.b = (struct buf)BUF(seen.space);
	ok(list_find(path, &q) == 0, "the file changes");
	is(buf_slice(&seen.b), SL("[nobody@d.example]"), "and the index with it");
	(void)unlink(path);
}

int
main(void)
{
	memset(long_line, 'x', LONG_LINE);
	memcpy(long_line, "a\n", 2);
	strcpy(long_line + LONG_LINE, "\nz\n");
	memset(long_name, 'x', LONG_LINE);
	memcpy(long_name, "n:", 2);
	strcpy(long_name + LONG_LINE, "\nz: a\n");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t step = 1; step; step = step == 1 ? 7 : step == 7 ? SIZE_MAX : 0) {
			const int found = scan(cases[i].file, cases[i].wanted, step);

			ok(found == cases[i].found &&
			    slice_eq(buf_slice(&seen.b), slice_str(cases[i].lines)),
			    "%s, %s", cases[i].name,
			    step == 1 ? "byte by byte" : step == 7 ? "in pieces" : "whole");
		}
	test_limit();
	test_names();
	test_files();
	test_index();
	test_million();
	return tap_done();
}
