// SPDX-License-Identifier: ISC
/*
 * Reading the header section for final delivery and for notices.  Must not change it.
 */
#include "delivery/header.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static struct slice
line_of(struct slice rest)
{
	const char *lf = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;

	return lf ? slice_of(rest.p, (size_t)(lf - rest.p) + 1) : rest;
}

static bool
is_empty_line(struct slice line)
{
	return slice_eq(line, SL("\r\n")) || slice_eq(line, SL("\n"));
}

/* How much of what was read are whole header lines; whole: an empty line, or the end of the message, follows. */
static size_t
section(struct slice all, bool all_of_message, bool *ret_whole)
{
	struct slice rest = all;

	while (rest.n) {
		struct slice line = line_of(rest);

		if (is_empty_line(line))
			break;
		if (line.p[line.n - 1] != '\n' && !all_of_message) {
			*ret_whole = false;
			return all.n - rest.n;
		}
		rest = slice_skip(rest, line.n);
	}
	*ret_whole = rest.n || all_of_message;
	return all.n - rest.n;
}

int
header_read(const struct queue_entry *e, size_t max, struct header *ret)
{
	size_t n = e->content_size < max ? (size_t)e->content_size : max, have = 0;
	bool whole;

	ret->space = malloc(n ? n : 1);
	if (!ret->space)
		return -ENOMEM;
	while (have < n) {
		ssize_t got = pread(e->fd, ret->space + have, n - have, (off_t)(e->content_at + have));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			header_done(ret);
			return -EIO;
		}
		have += (size_t)got;
	}
	ret->text = slice_of(ret->space, section(slice_of(ret->space, n), n == e->content_size, &whole));
	ret->whole = whole;
	return 0;
}

void
header_done(struct header *h)
{
	free(h->space);
	*h = (struct header){ 0 };
}

bool
header_next(struct slice *rest, struct slice *ret_field)
{
	struct slice after = *rest;
	size_t n = 0;

	if (!rest->n)
		return false;
	do {
		size_t line = line_of(after).n;

		n += line;
		after = slice_skip(after, line);
	} while (after.n && ascii_blank(after.p[0]));
	*ret_field = slice_of(rest->p, n);
	*rest = after;
	return true;
}

bool
header_is(struct slice field, struct slice name, struct slice *ret_value)
{
	struct slice value, before = slice_cut(field, ':', &value);

	if (before.n == field.n || !slice_ieq(slice_trim(before), name))
		return false;
	while (value.n && (value.p[value.n - 1] == '\n' || value.p[value.n - 1] == '\r'))
		value.n--;
	*ret_value = slice_trim(value);
	return true;
}
