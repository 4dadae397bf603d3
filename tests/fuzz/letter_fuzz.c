// SPDX-License-Identifier: ISC
/*
 * A letter that sendmail -t is given.  Its recipients are paths that a server can be given in a
 * line, each once, and header and body together are the letter.
 */
#include <errno.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tools/sendmail/people.h"

static void
check_people(const struct people *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct slice path = slice_str(p->list[i].path);
		struct smtp_path again;

		must(path.n && !slice_has_control(path) && p->list[i].state == PERSON_OPEN);
		must(smtp_path_parse_whole(path, SMTP_PATH_LISTED, &again) &&
		    slice_eq(smtp_path_text(&again), path));
		must(p->utf8 || slice_is_ascii(path));
		for (size_t k = 0; k < i && p->n < 50; k++)
			must(strcmp(p->list[k].path, p->list[i].path) != 0);
	}
	must(people_count(p, PERSON_OPEN) == p->n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size + 1);
	struct slice bad = SL("");
	struct people p = { .n = 0 };
	struct letter l;
	struct field f;
	int r;

	must(exact != NULL);
	memcpy(exact, size ? (const char *)data : "", size);
	letter_of(&l, slice_of(exact, size));
	must(l.header.n + l.body.n == l.text.n && (l.eight_bit || slice_is_ascii(l.text)));
	for (struct slice rest = l.header; field_next(&rest, FIELD_TO_BROKEN_LINE, &f);)
		must(!letter_hides(&f) || letter_has(&l, f.name));
	r = people_of_header(&p, &l, &bad);
	must(r == 0 || (r == -EINVAL && bad.n > 0) || r == -E2BIG);
	check_people(&p);
	r = people_add(&p, l.body, &bad);
	must(r == 0 || r == -EINVAL || r == -E2BIG);
	check_people(&p);
	people_done(&p);
	free(exact);
	return 0;
}
