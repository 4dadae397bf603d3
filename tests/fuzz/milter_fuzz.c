// SPDX-License-Identifier: ISC
/*
 * Octets of a filter: its options, then answers to the end of a message.  Its edits are made on a
 * header section, which must keep its form.
 */
#include <stdlib.h>

#include "message/edit.h"
#include "milter/milter.h"
#include "tests/fuzz/fuzz.h"

static struct milter m;
static struct edit e;

/* Every octet belongs to a field that ends in CRLF. */
static void
check_section(void)
{
	struct slice rest = edit_fields(&e);
	struct field f;

	while (field_next(&rest, FIELD_TO_BROKEN_LINE, &f))
		must(f.octets.n >= 2 && f.octets.p[f.octets.n - 2] == '\r');
	must(rest.n == 0 && !memmem(e.text.p, e.text.n, "\r\n\r\n", 4));
}

static void
check_answer(const struct milter_answer *a)
{
	switch (a->kind) {
	case MILTER_REFUSE:
		must(a->code >= 400 && a->code < 600);
		for (size_t i = 0; i < a->text.n; i++)
			must((unsigned char)a->text.p[i] >= ' ' || a->text.p[i] == '\n');
		return;
	case MILTER_ADD_FIELD:
		(void)edit_add(&e, a->name, a->value, true);
		break;
	case MILTER_INSERT_FIELD:
		(void)edit_insert(&e, a->index, a->name, a->value, false);
		break;
	case MILTER_CHANGE_FIELD:
		(void)edit_change(&e, a->index, a->name, a->value, true);
		break;
	default:
		return;
	}
	check_section();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size);
	struct milter_answer a = { .kind = MILTER_MORE };

	milter_begin(&m);
	edit_begin(&e);
	edit_octets(&e, SL("Received: us\r\nA: 1\r\nB : 2\r\n\t3\r\na:4\r\n"));
	while (in.n && a.kind != MILTER_BROKEN) {
		milter_take(&m, &in, MILTER_END, &a);
		check_answer(&a);
	}
	for (int i = 0; i < MILTER_STEPS; i++) {
		struct slice list = milter_macros(&m, (enum milter_step)i), name;

		while (milter_macro_next(&list, &name))
			must(name.n > 0);
	}
	return 0;
}
