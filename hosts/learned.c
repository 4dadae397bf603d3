// SPDX-License-Identifier: ISC
/*
 * The file is text that people may read, edit and delete.  Workers report the names, so each is
 * checked.
 */
#include "hosts/learned.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/file.h"
#include "hosts/secured.h"

#define FILE_NAME "learned"
#define FILE_MAX  (2 << 20)	/* room for more than LEARNED_MAX lines */
#define DAY_S	  86400
#define NUMBERS	  4		/* fields of a line after the name */

static struct learned_host *
find_host(const struct learned *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->list[i].name, name) == 0)
			return &l->list[i];
	return NULL;
}

static bool
is_forgotten(const struct learned_host *h, int64_t now_s)
{
	return now_s - h->good_s >= LEARNED_FORGET_S;
}

bool
learned_is(const struct learned_host *h)
{
	return h && h->days >= LEARNED_DAYS && h->good_s - h->first_s >= LEARNED_S;
}

const struct learned_host *
learned_find(const struct learned *l, const char *name, int64_t now_s)
{
	const struct learned_host *h = find_host(l, name);

	return h && !is_forgotten(h, now_s) ? h : NULL;
}

/* Times of a clock that was set back do not count. */
static bool
was_today(int64_t at_s, int64_t now_s)
{
	return at_s <= now_s && now_s - at_s < DAY_S;
}

bool
learned_counts(const struct learned *l, const char *name, bool good, int64_t now_s)
{
	const struct learned_host *h = learned_find(l, name, now_s);

	if (good)
		return !h || !was_today(h->good_s, now_s) || h->bad_s >= h->good_s;
	return h && (!learned_is(h) || !was_today(h->bad_s, now_s));
}

/* The host that is furthest from being learned; NULL: all are learned. */
static struct learned_host *
find_least(struct learned *l)
{
	struct learned_host *least = NULL;

	for (size_t i = 0; i < l->n; i++)
		if (!learned_is(&l->list[i]) && (!least || l->list[i].first_s >= least->first_s))
			least = &l->list[i];
	return least;
}

static struct learned_host *
make_host(struct learned *l, int64_t now_s)
{
	struct learned_host *list;
	size_t cap;

	for (size_t i = 0; l->n == LEARNED_MAX && i < l->n; i++)
		if (is_forgotten(&l->list[i], now_s))
			return &l->list[i];
	if (l->n == LEARNED_MAX)
		return find_least(l);
	if (l->n == l->cap) {
		cap = l->cap ? l->cap * 2 : 16;
		list = realloc(l->list, cap * sizeof *list);
		if (!list)
			return NULL;
		l->list = list;
		l->cap = cap;
	}
	return &l->list[l->n++];
}

static void
drop_host(struct learned *l, struct learned_host *h)
{
	*h = l->list[--l->n];
}

static bool
add_good(struct learned *l, struct learned_host *h, const char *name, int64_t now_s)
{
	if (!h || is_forgotten(h, now_s)) {
		h = h ? h : make_host(l, now_s);
		if (!h)
			return false;
		*h = (struct learned_host){ .first_s = now_s };
		memcpy(h->name, name, strlen(name) + 1);
	}
	if (!was_today(h->good_s, now_s) && h->days < LEARNED_MAX)
		h->days++;
	h->good_s = now_s;
	return true;
}

bool
learned_add(struct learned *l, const char *name, bool good, int64_t now_s)
{
	struct learned_host *h;

	if (!secured_name_valid(name) || !learned_counts(l, name, good, now_s))
		return false;
	h = find_host(l, name);
	if (good)
		return add_good(l, h, name, now_s);
	if (learned_is(h))
		h->bad_s = now_s;
	else
		drop_host(l, h);
	return true;
}

/* Parse a line: "mx.example.org 1763787773 1766379773 24 0". */
static bool
parse_line(struct slice line, struct learned_host *ret)
{
	struct slice name = slice_cut(line, ' ', &line);
	uint64_t numbers[NUMBERS];

	if (name.n == 0 || name.n >= sizeof ret->name || memchr(name.p, '\0', name.n))
		return false;
	for (size_t i = 0; i < NUMBERS; i++)
		if (!slice_uint(slice_cut(line, ' ', &line), INT64_MAX / 8, &numbers[i]))
			return false;
	*ret = (struct learned_host){
		.first_s = (int64_t)numbers[0], .good_s = (int64_t)numbers[1],
		.days = (unsigned)numbers[2], .bad_s = (int64_t)numbers[3],
	};
	memcpy(ret->name, name.p, name.n);
	return line.n == 0 && numbers[2] > 0 && numbers[2] <= LEARNED_MAX &&
	    ret->first_s <= ret->good_s && secured_name_valid(ret->name);
}

void
learned_parse(struct learned *l, struct slice text)
{
	struct learned_host one, *h;

	while (text.n && l->n < LEARNED_MAX) {
		struct slice line = slice_cut(text, '\n', &text);

		/* No line end: it may be half a line. */
		if (!text.p || line.p + line.n == text.p || !parse_line(line, &one))
			continue;
		h = find_host(l, one.name);
		if (h || (h = make_host(l, 0)))
			*h = one;
	}
}

void
learned_load(struct learned *l, int state_fd)
{
	char *text;
	size_t n;

	*l = (struct learned){ .n = 0 };
	if (file_read(state_fd, FILE_NAME, FILE_MAX, &text, &n) < 0)
		return;
	learned_parse(l, slice_of(text, n));
	free(text);
}

int
learned_save(const struct learned *l, int state_fd, int64_t now_s)
{
	struct file_replace file;
	int r = file_replace_begin(&file, state_fd, FILE_NAME);

	if (r < 0)
		return r;
	fputs("# exchanger first_good last_good days last_bad(0: never)\n", file.out);
	for (size_t i = 0; i < l->n; i++) {
		const struct learned_host *h = &l->list[i];

		if (!is_forgotten(h, now_s))
			fprintf(file.out, "%s %" PRId64 " %" PRId64 " %u %" PRId64 "\n", h->name,
			    h->first_s, h->good_s, h->days, h->bad_s);
	}
	return file_replace_end(&file);
}

void
learned_done(struct learned *l)
{
	free(l->list);
	*l = (struct learned){ .n = 0 };
}
