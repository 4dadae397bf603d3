// SPDX-License-Identifier: ISC
/*
 * The same address in To and Cc gets one copy.
 */
#include "tools/sendmail/people.h"

#include <errno.h>
#include <stdlib.h>

#include "message/mailbox.h"

static bool
has(const struct people *p, struct slice path)
{
	for (size_t i = 0; i < p->n; i++)
		if (slice_eq(slice_str(p->list[i].path), path))
			return true;
	return false;
}

static int
add(struct people *p, const struct smtp_path *path)
{
	struct person *list;

	if (has(p, smtp_path_text(path)))
		return 0;
	if (p->n == PEOPLE_MAX)
		return -E2BIG;
	/* Room for 64 more at a time. */
	if (p->n % 64 == 0) {
		list = reallocarray(p->list, p->n + 64, sizeof *list);
		if (!list)
			return -ENOMEM;
		p->list = list;
	}
	p->list[p->n] = (struct person){ .path = strndup(path->text, path->n) };
	if (!p->list[p->n].path)
		return -ENOMEM;
	p->utf8 |= path->utf8;
	p->n++;
	return 0;
}

/* An element without the blanks, line ends and the comma around it. */
static struct slice
bare(struct slice s)
{
	static const char around[] = " \t\r\n,";

	while (s.n && s.p[0] != '\0' && strchr(around, s.p[0]))
		s = slice_skip(s, 1);
	while (s.n && s.p[s.n - 1] != '\0' && strchr(around, s.p[s.n - 1]))
		s.n--;
	return s;
}

int
people_add(struct people *p, struct slice list, struct slice *ret_bad)
{
	char space[SMTP_PATH_MAX];
	enum mailbox_result found;
	struct slice element, bad = SL("");
	struct smtp_path path;
	int r = 0;

	do {
		struct buf b = BUF(space);

		found = mailbox_next(&list, &b, &element);
		if (found == MAILBOX_FOUND &&
		    smtp_path_parse_whole(buf_slice(&b), SMTP_PATH_LISTED, &path))
			r = add(p, &path);
		else if (found != MAILBOX_END && bad.n == 0)
			bad = bare(element);
	} while (r == 0 && found != MAILBOX_END);
	*ret_bad = bad;
	return r == 0 && bad.n ? -EINVAL : r;
}

static int
add_fields(struct people *p, const struct letter *l, const struct slice names[3],
    struct slice *ret_bad)
{
	struct slice rest = l->header;
	struct slice bad = SL("");
	struct field f;
	int r = 0;

	*ret_bad = SL("");
	while ((r == 0 || r == -EINVAL) && field_next(&rest, FIELD_TO_BROKEN_LINE, &f)) {
		if (!field_is(&f, names[0]) && !field_is(&f, names[1]) && !field_is(&f, names[2]))
			continue;
		r = people_add(p, f.body, &bad);
		if (r == -EINVAL && ret_bad->n == 0)
			*ret_bad = bad;
	}
	return r == 0 && ret_bad->n ? -EINVAL : r;
}

int
people_of_header(struct people *p, const struct letter *l, struct slice *ret_bad)
{
	static const struct slice first[3] = { S("To"), S("Cc"), S("Bcc") };
	static const struct slice again[3] = { S("Resent-To"), S("Resent-Cc"), S("Resent-Bcc") };
	const bool resent = letter_has(l, again[0]) || letter_has(l, again[1]) ||
	    letter_has(l, again[2]);

	return add_fields(p, l, resent ? again : first, ret_bad);
}

size_t
people_count(const struct people *p, enum person_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->list[i].state == state;
	return n;
}

void
people_done(struct people *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->list[i].path);
	free(p->list);
	memset(p, 0, sizeof *p);
}
