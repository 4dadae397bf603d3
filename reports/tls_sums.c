// SPDX-License-Identifier: ISC
/*
 * A session of success is a failure of no kind, and comes first among those of its policy.
 */
#include "reports/tls_sums.h"

#include <errno.h>
#include <stdlib.h>

#define ROWS_FIRST 1024

static int
compare_domains(const struct tls_result_line *a, const struct tls_result_line *b)
{
	return slice_compare(a->domain, b->domain);
}

static int
compare_policies(const struct tls_result_line *a, const struct tls_result_line *b)
{
	const int r = compare_domains(a, b);

	if (r)
		return r;
	if (a->policy != b->policy)
		return a->policy < b->policy ? -1 : 1;
	return slice_compare(a->text, b->text);
}

static int
compare_failures(const struct tls_result_line *a, const struct tls_result_line *b)
{
	int r = compare_policies(a, b);

	if (r == 0 && a->result != b->result)
		return a->result < b->result ? -1 : 1;
	r = r ? r : slice_compare(a->mx, b->mx);
	r = r ? r : slice_compare(a->theirs, b->theirs);
	r = r ? r : slice_compare(a->ours, b->ours);
	return r ? r : slice_compare(a->reason, b->reason);
}

static int
compare_rows(const void *a, const void *b)
{
	return compare_failures(a, b);
}

/* Make room for another row. */
static int
grow(struct tls_sums *s, size_t *cap)
{
	const size_t more = *cap ? *cap * 2 : ROWS_FIRST;
	struct tls_result_line *rows;

	if (s->n < *cap)
		return 0;
	rows = realloc(s->rows, more * sizeof *rows);
	if (!rows)
		return -ENOMEM;
	s->rows = rows;
	*cap = more;
	return 0;
}

int
tls_sums_read(struct tls_sums *s, struct slice text)
{
	size_t cap = 0;
	int r = 0;

	*s = (struct tls_sums){ .n = 0 };
	while (text.n && (r = grow(s, &cap)) == 0) {
		if (tls_result_read(slice_cut(text, '\n', &text), &s->rows[s->n]))
			s->n++;
		else
			s->bad++;
	}
	if (r < 0)
		tls_sums_done(s);
	else if (s->n)
		qsort(s->rows, s->n, sizeof *s->rows, compare_rows);
	return r;
}

/* The number of rows, from the first one on, that are equal. */
static size_t
count_equal(const struct tls_result_line *rows, size_t n,
    int (*compare)(const struct tls_result_line *a, const struct tls_result_line *b))
{
	size_t i = 1;

	while (i < n && compare(&rows[i], rows) == 0)
		i++;
	return i;
}

size_t
tls_sums_domain(const struct tls_result_line *rows, size_t n)
{
	return count_equal(rows, n, compare_domains);
}

size_t
tls_sums_policy(const struct tls_result_line *rows, size_t n)
{
	return count_equal(rows, n, compare_policies);
}

size_t
tls_sums_failure(const struct tls_result_line *rows, size_t n)
{
	return count_equal(rows, n, compare_failures);
}

void
tls_sums_done(struct tls_sums *s)
{
	free(s->rows);
	*s = (struct tls_sums){ .n = 0 };
}
