// SPDX-License-Identifier: ISC
/*
 * The start of a queue file's content.  message/field finds the end of the header section.
 */
#include "attempt/original.h"

#include <errno.h>
#include <stdlib.h>

int
header_read(const struct queue_entry *e, size_t max, struct header *ret)
{
	const size_t n = e->content_size < max ? (size_t)e->content_size : max;
	ssize_t got;

	ret->space = malloc(n ? n : 1);
	if (!ret->space)
		return -ENOMEM;
	got = queue_read(e, 0, ret->space, n);
	if (got < 0) {
		header_done(ret);
		return (int)got;
	}
	ret->text = field_section(slice_of(ret->space, n), n == e->content_size, &ret->whole);
	return 0;
}

void
header_done(struct header *h)
{
	free(h->space);
	*h = (struct header){ 0 };
}
