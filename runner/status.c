// SPDX-License-Identifier: ISC
#include "runner/status.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "runner/runner.h"

#define FILE_NAME "destinations"
#define HEAD      "# time workers messages recipients destinations\n"
#define FILE_MAX  (64 << 10)

/* Copy as much as fits, without control characters: a tab or LF would end a field. */
static void
copy_field(char *to, size_t size, struct slice from)
{
	size_t n = from.n < size - 1 ? from.n : size - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)from.p[i] < ' ' || from.p[i] == 0x7f ? '?' : from.p[i];
	to[n] = '\0';
}

static uint64_t
work_of(const struct status_line *l)
{
	return l->waiting + l->workers;
}

/* Put a line at its place, if it is among the STATUS_LINES with the most work. */
static void
take_line(struct status *s, const struct status_line *line)
{
	size_t at = s->n;

	while (at > 0 && work_of(&s->lines[at - 1]) < work_of(line))
		at--;
	if (at == STATUS_LINES)
		return;
	s->n += s->n < STATUS_LINES;
	memmove(&s->lines[at + 1], &s->lines[at], (s->n - at - 1) * sizeof s->lines[0]);
	s->lines[at] = *line;
}

static void
take_destination(struct status *s, const struct destination *d)
{
	struct status_line line = {
		.waiting = d->waiting, .workers = d->workers, .limit = d->limit,
	};
	const bool full = s->n == STATUS_LINES;

	if (work_of(&line) == 0 || (full && work_of(&s->lines[s->n - 1]) >= work_of(&line)))
		return;
	copy_field(line.state, sizeof line.state, slice_str(d->dead ? "dead" :
	    !d->network ? "local" : d->proven ? "proven" : "trying"));
	copy_field(line.name, sizeof line.name, slice_str(d->name));
	if (d->dead)
		copy_field(line.why, sizeof line.why, slice_str(d->dead->detail));
	take_line(s, &line);
}

void
status_gather(const struct runner *r, int64_t now_s, struct status *ret)
{
	*ret = (struct status){
		.at_s = now_s, .workers = r->nworkers, .messages = r->window.nmessages,
		.recipients = r->window.nrcpts, .destinations = r->destinations.n,
	};
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++)
		for (const struct destination *d = r->destinations.buckets[i]; d; d = d->next)
			take_destination(ret, d);
}

int
status_write(const struct status *s, int state_fd)
{
	struct file_replace file;
	const int r = file_replace_begin(&file, state_fd, FILE_NAME);

	if (r < 0)
		return r;
	fputs(HEAD, file.out);
	fprintf(file.out, "%" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
	    s->at_s, s->workers, s->messages, s->recipients, s->destinations);
	fputs("# waiting workers limit state name why, with tabs between them\n", file.out);
	for (size_t i = 0; i < s->n; i++) {
		const struct status_line *l = &s->lines[i];

		fprintf(file.out, "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\t%s\n",
		    l->waiting, l->workers, l->limit, l->state, l->name, l->why);
	}
	return file_replace_end(&file);
}

/* Numbers between separators; false if one is none. */
static bool
take_numbers(struct slice *rest, char separator, uint64_t *const *ret, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!slice_uint(slice_cut(*rest, separator, rest), INT64_MAX, ret[i]))
			return false;
	return true;
}

static bool
parse_line(struct slice line, struct status_line *ret)
{
	uint64_t *const numbers[] = { &ret->waiting, &ret->workers, &ret->limit };
	struct slice rest = line;

	if (!take_numbers(&rest, '\t', numbers, 3))
		return false;
	copy_field(ret->state, sizeof ret->state, slice_cut(rest, '\t', &rest));
	copy_field(ret->name, sizeof ret->name, slice_cut(rest, '\t', &rest));
	copy_field(ret->why, sizeof ret->why, rest);
	return ret->name[0] != '\0';
}

bool
status_parse(struct slice text, struct status *ret)
{
	uint64_t at_s = 0;
	uint64_t *const numbers[] = {
		&at_s, &ret->workers, &ret->messages, &ret->recipients, &ret->destinations,
	};
	struct slice line;

	*ret = (struct status){ 0 };
	if (!slice_has_prefix(text, SL(HEAD)))
		return false;
	text = slice_skip(text, sizeof HEAD - 1);
	line = slice_cut(text, '\n', &text);
	if (!take_numbers(&line, ' ', numbers, 5))
		return false;
	ret->at_s = (int64_t)at_s;
	while (text.n && ret->n < STATUS_LINES) {
		line = slice_cut(text, '\n', &text);
		ret->n += parse_line(line, &ret->lines[ret->n]);
	}
	return true;
}

bool
status_read(int state_fd, int64_t now_s, struct status *ret)
{
	char *text;
	size_t n;
	bool good;

	if (file_read(state_fd, FILE_NAME, FILE_MAX, &text, &n) < 0)
		return false;
	good = status_parse(slice_of(text, n), ret) && now_s - ret->at_s <= STATUS_MAX_S &&
	    ret->at_s - now_s <= STATUS_MAX_S;
	free(text);
	return good;
}
