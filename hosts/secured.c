// SPDX-License-Identifier: ISC
/*
 * The file is text that people may read and delete.  Workers report the names, so each is checked.
 */
#include "hosts/secured.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/file.h"

#define FILE_NAME "dane"
#define FILE_MAX  (2 << 20)	/* room for more than SECURED_MAX lines */
#define DAY_S	  86400

/* The index of the name, or the index where it would be inserted. */
static size_t
find_position(const struct secured *s, const char *name)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(s->list[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct secured_name *
find_name(const struct secured *s, const char *name)
{
	const size_t i = find_position(s, name);

	return i < s->n && strcmp(s->list[i].name, name) == 0 ? &s->list[i] : NULL;
}

static void
drop_oldest(struct secured *s)
{
	size_t oldest = 0;

	for (size_t i = 1; i < s->n; i++)
		if (s->list[i].seen_s < s->list[oldest].seen_s)
			oldest = i;
	s->n--;
	memmove(&s->list[oldest], &s->list[oldest + 1], (s->n - oldest) * sizeof *s->list);
}

static struct secured_name *
make_name(struct secured *s, const char *name)
{
	struct secured_name *list;
	size_t i, cap;

	if (s->n == SECURED_MAX)
		drop_oldest(s);
	if (s->n == s->cap) {
		cap = s->cap ? s->cap * 2 : 16;
		list = realloc(s->list, cap * sizeof *list);
		if (!list)
			return NULL;
		s->list = list;
		s->cap = cap;
	}
	i = find_position(s, name);
	memmove(&s->list[i + 1], &s->list[i], (s->n - i) * sizeof *s->list);
	s->n++;
	s->list[i] = (struct secured_name){ .seen_s = 0 };
	memcpy(s->list[i].name, name, strlen(name) + 1);
	return &s->list[i];
}

bool
secured_name_valid(const char *name)
{
	const size_t n = strlen(name);

	return n > 0 && n < DNS_NAME_MAX &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == n;
}

static bool
is_within(const struct secured *s, const char *name, int64_t now_s, int64_t most_s)
{
	const struct secured_name *known = find_name(s, name);

	return known && now_s - known->seen_s < most_s;
}

bool
secured_has(const struct secured *s, const char *name, int64_t now_s)
{
	return is_within(s, name, now_s, SECURED_S);
}

bool
secured_fresh(const struct secured *s, const char *name, int64_t now_s)
{
	return is_within(s, name, now_s, DAY_S);
}

bool
secured_add(struct secured *s, const char *name, int64_t now_s)
{
	struct secured_name *known;

	if (!secured_name_valid(name) || secured_fresh(s, name, now_s))
		return false;
	known = (struct secured_name *)(uintptr_t)find_name(s, name);
	if (!known)
		known = make_name(s, name);
	if (known)
		known->seen_s = now_s;
	return known != NULL;
}

void
secured_parse(struct secured *s, struct slice text)
{
	while (text.n && s->n < SECURED_MAX) {
		struct slice line = slice_cut(text, '\n', &text), name, time;
		char copy[DNS_NAME_MAX];
		uint64_t seen_s;

		name = slice_cut(line, ' ', &time);
		if (!text.p || line.p + line.n == text.p || name.n >= sizeof copy ||
		    memchr(name.p, '\0', name.n) || !slice_uint(time, INT64_MAX / 8, &seen_s))
			continue;
		memcpy(copy, name.p, name.n);
		copy[name.n] = '\0';
		(void)secured_add(s, copy, (int64_t)seen_s);
	}
}

void
secured_load(struct secured *s, int state_fd)
{
	char *text;
	size_t n;

	*s = (struct secured){ .n = 0 };
	if (file_read(state_fd, FILE_NAME, FILE_MAX, &text, &n) < 0)
		return;
	secured_parse(s, slice_of(text, n));
	free(text);
}

int
secured_save(const struct secured *s, int state_fd, int64_t now_s)
{
	struct file_replace file;
	int r = file_replace_begin(&file, state_fd, FILE_NAME);

	if (r < 0)
		return r;
	fputs("# name seen\n", file.out);
	for (size_t i = 0; i < s->n; i++)
		if (now_s - s->list[i].seen_s < SECURED_S)
			fprintf(file.out, "%s %" PRId64 "\n", s->list[i].name, s->list[i].seen_s);
	return file_replace_end(&file);
}

void
secured_done(struct secured *s)
{
	free(s->list);
	*s = (struct secured){ .n = 0 };
}
