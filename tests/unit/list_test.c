// SPDX-License-Identifier: ISC
#include "session/list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/lib/tap.h"

#define LONG_LINE 40000

static char long_line[LONG_LINE + 16], long_name[LONG_LINE + 16];

/* What match() was asked about, each line in brackets. */
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
	{ "nothing", "", "", NULL, 0 },
	{ "one line", "a\n", "[a]", NULL, 0 },
	{ "without its newline", "a", "[a]", NULL, 0 },
	{ "empty lines", "\n\na\n\n", "[a]", NULL, 0 },
	{ "blanks at both ends", " \ta b\t \n", "[a b]", NULL, 0 },
	{ "nothing but blanks", " \t\n", "", NULL, 0 },
	{ "CRLF", "a\r\nb\r\n", "[a][b]", NULL, 0 },
	{ "a comment", "# a\nb # c\n  #d\n", "[b]", NULL, 0 },
	{ "no comment inside a word", "a#b\n", "[a#b]", NULL, 0 },
	{ "a comment behind a tab", "a\t#b\n", "[a]", NULL, 0 },
	{ "found, and no further", "a\nb\nc\n", "[a][b]", "b", 1 },
	{ "found in the last line", "a\nb", "[a][b]", "b", 1 },
	{ "not found", "a\nb\n", "[a][b]", "c", 0 },
	{ "a line that is too long", long_line, "[a][z]", "z", 1 },
};

static struct seen seen;

static int
scan_as(enum list_kind kind, const char *text, const char *wanted, size_t step)
{
	const struct seen *ctx = &seen;
	const int fd = memfd_create("list", 0);
	int r;

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || lseek(fd, 0, SEEK_SET) < 0)
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
	{ "a name", "a: b\n", "[a]", NULL, 0 },
	{ "blanks in front of the colon", "a \t: b\n", "[a]", NULL, 0 },
	{ "a line that continues", "a: b,\n c: d\n\te: f\ng:\n", "[a][g]", NULL, 0 },
	{ "comments", "# a: b\n#c: d\nx: y # z: a\n", "[x]", NULL, 0 },
	{ "no colon", "a\nb: c\n", "[b]", NULL, 0 },
	{ "nothing in front of it", ": a\n", "", NULL, 0 },
	{ "quotes", "\"a: b\": c\n\"d\\\": e\": f\n", "[\"a: b\"][\"d\\\": e\"]", NULL, 0 },
	{ "quotes that do not end", "\"a: b\nc: d\n", "[c]", NULL, 0 },
	{ "an address", "a@b.example: c\r\n", "[a@b.example]", NULL, 0 },
	{ "found, and no further", "a: x\nb: x\nc: x\n", "[a][b]", "b", 1 },
	{ "without a newline", "a: b", "[a]", "a", 1 },
	{ "a line of any length", long_name, "[n][z]", "z", 1 },
};

static void
test_names(void)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		for (size_t step = 1; step <= 1 << 20; step *= 1 << 10) {
			const int r = scan_as(LIST_NAMES, names[i].file, names[i].wanted, step);

			ok(r == names[i].found && slice_eq(buf_slice(&seen.b), slice_str(names[i].lines)),
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
	char path[] = "/tmp/list_test.XXXXXX";
	const int fd = mkstemp(path);

	seen.b = (struct buf)BUF(seen.space);
	seen.wanted = "a";
	if (fd < 0 || write(fd, "a\n", 2) != 2)
		abort();
	ok(list_find(path, see, &ctx) == 1, "a file");
	(void)unlink(path);
	close(fd);
	ok(list_find(path, see, &ctx) == -ENOENT, "a file that is not there");
	ok(list_find("/", see, &ctx) == -EISDIR, "a folder");
	ok(list_find("/proc/self/mem", see, &ctx) == -EIO, "a file that cannot be read");
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

			ok(found == cases[i].found && slice_eq(buf_slice(&seen.b), slice_str(cases[i].lines)), "%s, %s",
			    cases[i].name, step == 1 ? "byte by byte" : step == 7 ? "in pieces" : "whole");
		}
	test_limit();
	test_names();
	test_files();
	return tap_done();
}
