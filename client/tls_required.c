// SPDX-License-Identifier: ISC
/*
 * Few messages go to a host with such a demand, so the field is looked for then, and not when the
 * message arrives.
 */
#include "client/tls_required.h"

#include <stdlib.h>

#include "client/tls_policy.h"
#include "message/field.h"

#define BLOCK	   16384
#define HEADER_MAX (1 << 20)	/* octets of a header section that is searched */

bool
tls_required_no(struct slice header)
{
	struct slice rest = header;
	struct field f;
	unsigned fields = 0;
	bool no = false;

	while (field_next(&rest, FIELD_TO_EMPTY_LINE, &f)) {
		if (!field_is(&f, SL("TLS-Required")))
			continue;
		fields++;
		no = slice_ieq(field_value(&f), SL("No"));
	}
	return fields == 1 && no;
}

/* The header section at the start of a message; *ret_space is its memory, malloc'ed.  It is empty
 * if it is too long, or cannot be read. */
static struct slice
read_header(const struct queue_entry *e, char **ret_space)
{
	struct slice header = SL("");
	bool whole = false;

	for (size_t size = BLOCK; !whole && size <= HEADER_MAX; size *= 2) {
		char *more = realloc(*ret_space, size);
		ssize_t got;

		if (!more)
			return SL("");
		*ret_space = more;
		got = queue_read(e, 0, more, size);
		if (got < 0)
			return SL("");
		header = field_section(slice_of(more, (size_t)got), (size_t)got < size, &whole);
	}
	return whole ? header : SL("");
}

bool
tls_required_waived(const struct queue_entry *e)
{
	char *space = NULL;
	bool no;

	if (tls_policy_requiretls(e))
		return false;
	no = tls_required_no(read_header(e, &space));
	free(space);
	return no;
}
