// SPDX-License-Identifier: ISC
/*
 * Reading the header section for final delivery and for notices.  Must not change it.
 */
#include "notice/original.h"

#include <errno.h>
#include <stdlib.h>

/* How much of what was read are whole header lines; whole: an empty line, or the end of the message, follows. */
static size_t
section(struct slice all, bool all_of_message, bool *ret_whole)
{
	struct slice rest = all;

	while (rest.n) {
		struct slice line = field_line(rest);

		if (field_ends(line))
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
	size_t n = e->content_size < max ? (size_t)e->content_size : max;
	ssize_t got;
	bool whole;

	ret->space = malloc(n ? n : 1);
	if (!ret->space)
		return -ENOMEM;
	got = queue_read(e, 0, ret->space, n);
	if (got < 0) {
		header_done(ret);
		return (int)got;
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
