// SPDX-License-Identifier: ISC
/*
 * The moments of destinations, in a hash table and in its file.  The file is written once a second
 * at most: after the death of a runner, the moments of the last second are given once more.
 */
#include "runner/rates.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"

#define FILE_NAME "rates"
#define FILE_MAX  (8 * 1024 * 1024)
#define SECOND_US INT64_C(1000000)

struct rate {
	struct rate *next;
	int64_t free_us;		/* the next moment that no message has */
	size_t n;
	char key[];
};

/* Begins the note of a message that waits; replies of hosts have another form. */
static const struct slice note_start = S("deferred 4.4.5 why=\"");
static const struct slice words = S("the rate of this destination is used up until ");

static struct rate **
bucket_of(struct rates *r, struct slice key)
{
	return &r->buckets[hash_slice(HASH_START, key) % RATES_BUCKETS];
}

static struct rate *
find_rate(struct rates *r, struct slice key)
{
	struct rate *e = *bucket_of(r, key);

	while (e && !slice_eq(slice_of(e->key, e->n), key))
		e = e->next;
	return e;
}

/* Frees the entries whose moment has passed. */
static void
drop_old(struct rates *r, int64_t now_us)
{
	for (size_t i = 0; i < RATES_BUCKETS; i++)
		for (struct rate **at = &r->buckets[i], *e; (e = *at);) {
			if (e->free_us > now_us) {
				at = &e->next;
				continue;
			}
			*at = e->next;
			free(e);
			r->n--;
		}
}

/* NULL: the table is full, or there is no memory. */
static struct rate *
add_rate(struct rates *r, struct slice key, int64_t now_us)
{
	struct rate **at = bucket_of(r, key), *e;

	if (r->n >= RATES_MAX)
		drop_old(r, now_us);
	e = r->n < RATES_MAX ? malloc(sizeof *e + key.n) : NULL;
	if (!e)
		return NULL;
	*e = (struct rate){ .next = *at, .n = key.n };
	memcpy(e->key, key.p, key.n);
	*at = e;
	r->n++;
	return e;
}

/* Take a line: the next free moment in microseconds, then the key. */
static void
take_line(struct rates *r, struct slice line, int64_t now_us)
{
	struct slice key;
	uint64_t free_us;
	struct rate *e;

	if (!slice_uint(slice_cut(line, ' ', &key), INT64_MAX / 2, &free_us) || key.n == 0 ||
	    (int64_t)free_us <= now_us || (int64_t)free_us - now_us > RATES_FAR_S * SECOND_US ||
	    r->n >= RATES_MAX || find_rate(r, key))
		return;
	e = add_rate(r, key, now_us);
	if (e)
		e->free_us = (int64_t)free_us;
}

void
rates_load(struct rates *r, int state_fd, int64_t now_us)
{
	char *text;
	size_t n;

	*r = (struct rates){ .state_fd = state_fd, .saved_us = now_us };
	if (file_read(state_fd, FILE_NAME, FILE_MAX, &text, &n) < 0)
		return;
	for (struct slice rest = slice_of(text, n); rest.n;)
		take_line(r, slice_cut(rest, '\n', &rest), now_us);
	free(text);
}

/* No fsync, and errors are ignored: after a loss the notes of the messages that wait have their
 * moments. */
void
rates_save(struct rates *r, int64_t now_us)
{
	struct file_replace file;

	if (!r->changed)
		return;
	r->saved_us = now_us;
	if (file_replace_begin(&file, r->state_fd, FILE_NAME) < 0)
		return;
	fputs("# next_us destination\n", file.out);
	for (size_t i = 0; i < RATES_BUCKETS; i++)
		for (const struct rate *e = r->buckets[i]; e; e = e->next)
			if (e->free_us > now_us)
				fprintf(file.out, "%" PRId64 " %.*s\n", e->free_us, (int)e->n,
				    e->key);
	r->changed = file_replace_end(&file) < 0;
}

void
rates_done(struct rates *r)
{
	drop_old(r, INT64_MAX);
}

static void
set_free(struct rates *r, struct rate *e, int64_t free_us, int64_t now_us)
{
	e->free_us = free_us;
	r->changed = true;
	if (now_us - r->saved_us >= SECOND_US || now_us < r->saved_us)
		rates_save(r, now_us);
}

/* Has the message a moment, neither missed nor made by a wrong clock? */
static bool
holds_moment(int64_t moment_s, uint64_t interval_us, int64_t now_us)
{
	const int64_t grace_us = RATES_GRACE_S * SECOND_US,
		      late_us = now_us - moment_s * SECOND_US;

	return moment_s > 0 && late_us >= -RATES_FAR_S * SECOND_US &&
	    late_us <= (grace_us > (int64_t)interval_us ? grace_us : (int64_t)interval_us);
}

int64_t
rates_ask(struct rates *r, struct slice key, uint64_t interval_us, int64_t moment_s,
    int64_t now_us)
{
	const int64_t step_us = (int64_t)interval_us;
	const bool holds = holds_moment(moment_s, interval_us, now_us);
	struct rate *e;
	int64_t at_us;

	if (holds && moment_s * SECOND_US <= now_us)
		return 0;
	e = find_rate(r, key);
	if (!e)
		e = add_rate(r, key, now_us);
	if (!e)
		return now_us / SECOND_US + RATES_WAIT_S;
	if (e->free_us - now_us > RATES_FAR_S * SECOND_US)	/* a clock was wrong */
		e->free_us = 0;
	if (holds) {
		/* If the file was lost, the moments behind this one are free. */
		if (e->free_us < moment_s * SECOND_US + step_us)
			set_free(r, e, moment_s * SECOND_US + step_us, now_us);
		return moment_s;
	}
	at_us = e->free_us > now_us ? e->free_us : now_us;
	set_free(r, e, at_us + step_us, now_us);
	return at_us > now_us ? (at_us + SECOND_US - 1) / SECOND_US : 0;
}

void
rates_outcome(int64_t moment_s, struct outcome *ret)
{
	char space[100];
	struct buf b = BUF(space);

	buf_add(&b, words);
	clock_stamp(&b, moment_s);
	outcome_set(ret, CAUSE_RATE, SL(""), buf_slice(&b));
}

int64_t
rates_moment_s(struct slice note)
{
	struct slice rest, stamp;
	int64_t moment_s;

	if (!slice_has_prefix(note, note_start))
		return 0;
	note = slice_skip(note, note_start.n);
	if (!slice_has_prefix(note, words))
		return 0;
	stamp = slice_cut(slice_skip(note, words.n), '"', &rest);
	return clock_stamp_parse(stamp, &moment_s) ? moment_s : 0;
}
