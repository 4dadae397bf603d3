// SPDX-License-Identifier: ISC
/*
 * A line has one form only, so equal messages have equal octets behind the time.
 */
#include "reports/sums.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

#define ROWS_FIRST 1024

static struct slice
behind_time(struct slice line)
{
	struct slice rest;

	(void)slice_cut(line, ' ', &rest);
	return rest;
}

/* The place in the table of a line, or of the free one where it belongs. */
static uint32_t *
find_place(const struct sums *t, struct slice key)
{
	const size_t mask = t->cap * 2 - 1;
	size_t i = (size_t)hash_slice(HASH_START, key) & mask;

	while (t->table[i] && !slice_eq(behind_time(t->rows[t->table[i] - 1].line), key))
		i = (i + 1) & mask;
	return &t->table[i];
}

/* Room for twice as many rows; the table is twice as large. */
static int
grow(struct sums *t)
{
	const size_t cap = t->cap ? t->cap * 2 : ROWS_FIRST;
	struct sums_row *rows = realloc(t->rows, cap * sizeof *rows);
	uint32_t *table;

	if (!rows)
		return -ENOMEM;
	t->rows = rows;
	table = calloc(cap * 2, sizeof *table);
	if (!table)
		return -ENOMEM;
	free(t->table);
	t->table = table;
	t->cap = cap;
	for (size_t i = 0; i < t->n; i++)
		*find_place(t, behind_time(t->rows[i].line)) = (uint32_t)i + 1;
	return 0;
}

static int
count_line(struct sums *t, struct slice line)
{
	struct finding f;
	uint32_t *place;

	if (!finding_take(line, &f)) {
		t->bad++;
		return 0;
	}
	if (t->n == t->cap && t->n < SUMS_ROWS_MAX && grow(t) < 0)
		return -ENOMEM;
	place = find_place(t, behind_time(line));
	if (*place) {
		t->rows[*place - 1].count++;
	} else if (t->n == t->cap || t->n >= SUMS_ROWS_MAX) {
		t->dropped++;
	} else {
		t->rows[t->n++] = (struct sums_row){ f.policy, line, 1 };
		*place = (uint32_t)t->n;
	}
	return 0;
}

static int
compare_rows(const void *a, const void *b)
{
	const struct sums_row *x = a, *y = b;
	const int r = slice_compare(x->policy, y->policy);

	return r ? r : slice_compare(behind_time(x->line), behind_time(y->line));
}

int
sums_count(struct sums *t, struct slice text)
{
	int r = 0;

	*t = (struct sums){ .n = 0 };
	while (text.n && r == 0)
		r = count_line(t, slice_cut(text, '\n', &text));
	if (r < 0)
		sums_done(t);
	else if (t->n)
		qsort(t->rows, t->n, sizeof *t->rows, compare_rows);
	return r;
}

size_t
sums_group(const struct sums *t, size_t i)
{
	size_t n = 0;

	while (i + n < t->n && slice_eq(t->rows[i + n].policy, t->rows[i].policy))
		n++;
	return n;
}

void
sums_done(struct sums *t)
{
	free(t->rows);
	free(t->table);
	*t = (struct sums){ .n = 0 };
}
