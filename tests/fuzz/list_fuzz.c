// SPDX-License-Identifier: ISC
/*
 * A file of addresses, of names of aliases or of users.  The first octet chooses the kind and the
 * size of the pieces, the first line is what is looked for.  In pieces or whole, the same lines are
 * seen, each clean; the index finds no line that a search does not find, and each plain one.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "session/list.h"
#include "tests/fuzz/fuzz.h"

#define MAX 65536

struct seen {
	struct buf b;
	char space[3 * MAX];
};

static struct seen whole, pieces;

static bool
see(const void *ctx, struct slice line)
{
	struct seen *s = *(struct seen *const *)ctx;

	must(line.n && !memchr(line.p, '\n', line.n) && slice_eq(line, slice_trim(line)));
	buf_chr(&s->b, '[');
	buf_add(&s->b, line);
	buf_chr(&s->b, ']');
	return false;
}

static bool
is_key(const void *ctx, struct slice line)
{
	struct slice rest;

	return slice_ieq(slice_cut(line, ':', &rest), *(const struct slice *)ctx);
}

static void
scan(int fd, enum list_kind kind, size_t step, struct seen *s)
{
	const struct seen *ctx = s;

	s->b = (struct buf)BUF(s->space);
	must(lseek(fd, 0, SEEK_SET) == 0);
	must(list_find_fd(fd, kind, step, see, &ctx) == 0 && !s->b.full);
}

static bool
is_plain(struct slice key)
{
	for (size_t i = 0; i < key.n; i++)
		if (ascii_lower(key.p[i]) < 'a' || ascii_lower(key.p[i]) > 'z')
			return false;
	return key.n > 0 && key.n < LIST_LINE_MAX;
}

static void
search(int fd, enum list_kind kind, struct slice key)
{
	const struct list_question q = {
		.kind = kind, .keys = &key, .n = 1, .match = is_key, .ctx = &key,
	};
	char path[40];
	int by_index, by_search;

	must(lseek(fd, 0, SEEK_SET) == 0);
	by_search = list_find_fd(fd, kind, MAX, is_key, &key);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	by_index = list_find(path, &q);
	must(by_search >= 0 && by_index >= 0 && by_index <= by_search);
	/* A line of addresses is found by all of it. */
	if (is_plain(key) && kind != LIST_LINES)
		must(by_index == by_search);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum list_kind kinds[] = { LIST_LINES, LIST_NAMES, LIST_USERS, LIST_LINES };
	struct slice text, key;
	enum list_kind kind;
	int fd;

	if (size == 0 || size > MAX)
		return 0;
	kind = kinds[data[0] & 3];
	key = slice_cut(slice_of((const char *)data + 1, size - 1), '\n', &text);
	fd = memfd_create("list", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, text.n ? text.p : "", text.n) == (ssize_t)text.n);
	scan(fd, kind, MAX, &whole);
	scan(fd, kind, 1U + (data[0] >> 2), &pieces);
	must(slice_eq(buf_slice(&whole.b), buf_slice(&pieces.b)));
	search(fd, kind, key);
	(void)close(fd);
	return 0;
}
