// SPDX-License-Identifier: ISC
/*
 * Destinations with the lines of their senders, in a hash table and in its file.  The file is
 * written once a second at most: after the death of a runner, the moments of the last second are
 * given once more.
 *
 * A place is a time of a clock that the destination has.  The clock runs at full speed while one
 * sender has mail, at half of it for two, and so on: so mail at the same place of all lines is due
 * together, however long the lines are.
 */
#include "runner/rates.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/cidr.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"

#define FILE_NAME "rates"
#define FILE_MAX  (16 * 1024 * 1024)
#define SECOND_US INT64_C(1000000)
#define SKEW_US   (60 * SECOND_US)	/* a clock that goes back by more was ahead */
#define OTHERS	  0			/* the sender of the line that many share */

struct line {
	struct line *next;
	uint64_t sender;
	int64_t end_us;			/* the next free place */
};

struct rate {
	struct rate *next;
	int64_t free_us;		/* the next moment that no message has */
	int64_t step_us;
	int64_t clock_us;		/* the place whose mail is due */
	int64_t seen_us;		/* when that was so */
	struct line *lines;
	size_t nlines;
	size_t n;
	char key[];
};

/* Begins the note of a message that waits; replies of hosts have another form. */
static const struct slice note_start = S("deferred 4.4.5 why=\"");
static const struct slice words = S("the rate of this destination is used up until ");
static const struct slice in_line = S(" (line "), in_turn = S(" (turn ");
static const struct slice saved = S("#saved "), next_word = S("next ");

/* Frees the lines that end before a place. */
static void
drop_lines(struct rate *e, int64_t place_us)
{
	for (struct line **at = &e->lines, *l; (l = *at);) {
		if (l->end_us > place_us) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		free(l);
		e->nlines--;
	}
}

/* The least end of a line. */
static int64_t
first_end_us(const struct rate *e)
{
	int64_t us = INT64_MAX;

	for (const struct line *l = e->lines; l; l = l->next)
		if (l->end_us < us)
			us = l->end_us;
	return us;
}

/* Sets the clock of a destination forward. */
static void
run_clock(struct rate *e, int64_t now_us)
{
	int64_t left_us = now_us - e->seen_us;

	if (left_us <= 0)
		return;
	e->seen_us = now_us;
	while (e->lines && left_us > 0) {
		const int64_t n = (int64_t)e->nlines, to_us = first_end_us(e) - e->clock_us;

		if (to_us > left_us / n) {
			e->clock_us += left_us / n;
			e->seen_us -= left_us % n;
			return;
		}
		e->clock_us += to_us;
		left_us -= to_us * n;
		drop_lines(e, e->clock_us);
	}
	e->clock_us += left_us;
}

static int64_t
ceil_s(int64_t us)
{
	return (us + SECOND_US - 1) / SECOND_US;
}

/* Does mail wait for a moment or in a line?  It is due at the next full second. */
static bool
is_waited_for(const struct rate *e, int64_t now_us)
{
	return ceil_s(e->free_us) * SECOND_US > now_us || e->lines;
}

/* Frees the destinations without moments or lines in the future. */
static void
drop_old(struct rates *r, int64_t now_us)
{
	for (size_t i = 0; i < RATES_BUCKETS; i++)
		for (struct rate **at = &r->buckets[i], *e; (e = *at);) {
			run_clock(e, now_us);
			if (is_waited_for(e, now_us)) {
				at = &e->next;
				continue;
			}
			*at = e->next;
			free(e);
			r->n--;
		}
}

static void
drop_all(struct rates *r)
{
	for (size_t i = 0; i < RATES_BUCKETS; i++)
		for (struct rate *e = r->buckets[i], *next; e; e = next) {
			next = e->next;
			drop_lines(e, INT64_MAX);
			free(e);
		}
	memset(r->buckets, 0, sizeof r->buckets);
	r->n = 0;
}

static struct rate **
bucket_of(struct rates *r, struct slice key)
{
	return &r->buckets[hash_slice(HASH_START, key) % RATES_BUCKETS];
}

/* The entry of a destination, which is made if it is missing.  NULL: the table is full, or there is
 * no memory. */
static struct rate *
rate_of(struct rates *r, struct slice key, int64_t step_us, int64_t now_us)
{
	struct rate **at = bucket_of(r, key), *e;

	for (e = *at; e; e = e->next)
		if (slice_eq(slice_of(e->key, e->n), key))
			return e;
	if (r->n >= RATES_MAX)
		drop_old(r, now_us);
	e = r->n < RATES_MAX ? malloc(sizeof *e + key.n) : NULL;
	if (!e)
		return NULL;
	*e = (struct rate){ .next = *at, .step_us = step_us, .n = key.n,
		.clock_us = now_us, .seen_us = now_us };
	memcpy(e->key, key.p, key.n);
	*at = e;
	r->n++;
	return e;
}

static struct line *
find_line(const struct rate *e, uint64_t sender)
{
	struct line *l = e->lines;

	while (l && l->sender != sender)
		l = l->next;
	return l;
}

/* The line of a sender, which is made if it is missing; NULL without memory. */
static struct line *
line_of(struct rate *e, uint64_t sender)
{
	struct line *l = find_line(e, sender);

	if (l)
		return l;
	if (e->nlines >= RATES_LINES && sender != OTHERS)
		return line_of(e, OTHERS);
	l = malloc(sizeof *l);
	if (!l)
		return NULL;
	*l = (struct line){ .next = e->lines, .sender = sender, .end_us = e->clock_us };
	e->lines = l;
	e->nlines++;
	return l;
}

/* ---- the file ---- */

/* Cut numbers up to a blank each from the start of text. */
static bool
cut_numbers(struct slice *text, uint64_t *ret, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!slice_uint(slice_cut(*text, ' ', text), UINT64_MAX, &ret[i]))
			return false;
	return true;
}

/* Take the line of a destination: its members in microseconds, its name.  A time in the future was
 * not made by this clock, but few moments are given ahead.  A destination's clock is ahead of the
 * time only if it stands until the last moment that was given.  ahead: the file is of the
 * future. */
static struct rate *
take_rate(struct rates *r, struct slice key, bool ahead, int64_t now_us)
{
	const uint64_t now = (uint64_t)now_us, far = RATES_FAR_S * (uint64_t)SECOND_US;
	struct rate *e;
	uint64_t n[4];

	if (!cut_numbers(&key, n, 4) || key.n == 0 || slice_has_control(key) ||
	    n[0] > now + far || n[1] == 0 || n[1] > far || n[2] > n[3] ||
	    n[3] > (ahead ? now : n[0] > now ? n[0] : now) + SKEW_US)
		return NULL;
	e = rate_of(r, key, (int64_t)n[1], now_us);
	if (!e)
		return NULL;
	e->free_us = (int64_t)n[0];
	e->clock_us = (int64_t)n[2];
	e->seen_us = (int64_t)n[3];
	return e;
}

/* Take the line of a sender: its number and its end. */
static void
take_sender(struct rate *e, struct slice text)
{
	uint64_t n[2];
	struct line *l;

	if (!cut_numbers(&text, n, 2) || text.n || n[1] > INT64_MAX / 4)
		return;
	l = line_of(e, n[0]);
	if (l && (int64_t)n[1] > l->end_us)
		l->end_us = (int64_t)n[1];
}

/* The clocks of destinations stand still while mail was due and no run was there. */
static void
skip_time(struct rates *r, int64_t due_us, int64_t now_us)
{
	const int64_t lost_us = now_us - due_us;

	for (size_t i = 0; lost_us > RATES_GRACE_S * SECOND_US && i < RATES_BUCKETS; i++)
		for (struct rate *e = r->buckets[i]; e; e = e->next)
			if (e->seen_us < now_us)
				e->seen_us = e->seen_us + lost_us < now_us ?
				    e->seen_us + lost_us : now_us;
}

/* When mail was due first after the file was written, by its first line.  *ret_ahead: the clock was
 * ahead then, or that is not known. */
static int64_t
head_due_us(struct slice line, int64_t now_us, bool *ret_ahead)
{
	uint64_t at, next;

	*ret_ahead = true;
	if (!slice_has_prefix(line, saved))
		return now_us;
	line = slice_skip(line, saved.n);
	if (!cut_numbers(&line, &at, 1))
		return now_us;
	*ret_ahead = at > (uint64_t)(now_us + SKEW_US);
	if (at > (uint64_t)now_us ||
	    !slice_has_prefix(line, next_word) ||
	    !slice_uint(slice_skip(line, next_word.n), INT64_MAX / SECOND_US, &next))
		return now_us;
	return (int64_t)(next * SECOND_US > at ? next * SECOND_US : at);
}

void
rates_load(struct rates *r, int state_fd, int64_t now_us)
{
	static const struct slice dash = S("- ");
	struct rate *e = NULL;
	struct slice text, rest;
	int64_t due_us;
	bool ahead;
	char *p;
	size_t n;

	*r = (struct rates){ .state_fd = state_fd, .saved_us = now_us, .asked_us = now_us };
	r->lost = file_read(state_fd, FILE_NAME, FILE_MAX, &p, &n) < 0;
	if (r->lost)
		return;
	text = slice_cut(slice_of(p, n), '\n', &rest);
	due_us = head_due_us(text, now_us, &ahead);
	while (rest.n) {
		text = slice_cut(rest, '\n', &rest);
		if (!slice_has_prefix(text, dash))
			e = take_rate(r, text, ahead, now_us);
		else if (e)
			take_sender(e, slice_skip(text, dash.n));
	}
	free(p);
	skip_time(r, due_us, now_us);
	drop_old(r, now_us);
}

static void
write_rate(const struct file_replace *file, const struct rate *e)
{
	fprintf(file->out, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %.*s\n", e->free_us,
	    e->step_us, e->clock_us, e->seen_us, (int)e->n, e->key);
	for (const struct line *l = e->lines; l; l = l->next)
		fprintf(file->out, "- %" PRIu64 " %" PRId64 "\n", l->sender, l->end_us);
}

/* No fsync, and errors are ignored: after a loss the notes of the messages that wait have their
 * places. */
void
rates_save(struct rates *r, int64_t due_s, int64_t now_us)
{
	struct file_replace file;

	if (r->n == 0 && !r->changed)
		return;
	r->saved_us = now_us;
	if (file_replace_begin(&file, r->state_fd, FILE_NAME) < 0)
		return;
	drop_old(r, now_us);
	fprintf(file.out, "%.*s%" PRId64 " %.*s%" PRId64 "\n# next_us interval_us clock_us "
	    "seen_us destination; then its senders: number end_us\n", (int)saved.n, saved.p,
	    now_us, (int)next_word.n, next_word.p,
	    due_s < INT64_MAX / SECOND_US ? due_s : INT64_MAX / SECOND_US);
	for (size_t i = 0; i < RATES_BUCKETS; i++)
		for (const struct rate *e = r->buckets[i]; e; e = e->next)
			write_rate(&file, e);
	r->changed = file_replace_end(&file) < 0;
}

void
rates_done(struct rates *r)
{
	drop_all(r);
}

bool
rates_stay(const struct rates *r, int64_t due_s, int64_t now_us)
{
	if (due_s > now_us / SECOND_US + RATES_STAY_S)
		return false;
	for (size_t i = 0; r->n && i < RATES_BUCKETS; i++)
		for (const struct rate *e = r->buckets[i]; e; e = e->next)
			if (is_waited_for(e, now_us))
				return true;
	return false;
}

/* ---- asking ---- */

/* Forgets all moments of a clock that was ahead. */
static void
look_at_clock(struct rates *r, int64_t now_us)
{
	if (now_us < r->asked_us - SKEW_US) {
		drop_all(r);
		r->lost = false;
	}
	r->asked_us = now_us;
}

/* After a change of the rate all lines begin anew. */
static void
look_at_rate(struct rate *e, int64_t step_us, int64_t now_us)
{
	if (e->step_us == step_us)
		return;
	drop_lines(e, INT64_MAX);
	e->step_us = step_us;
	if (e->free_us > now_us + step_us)
		e->free_us = now_us + step_us;
}

/* The next moment of the destination, as far as this machine knows. */
static int64_t
own_moment(const struct rate *e, const struct rates_moment *m, int64_t now_us)
{
	const int64_t from_us = now_us - m->grace_us;

	return e->free_us > from_us ? e->free_us : from_us;
}

/* Does the message come at the moment that it was given?  A moment that the table has not given
 * comes from a wrong clock. */
static bool
has_turn(const struct rates *r, const struct rate *e, const struct rates_wait *w, int64_t now_us)
{
	const int64_t grace_us = RATES_GRACE_S * SECOND_US,
		      late_us = now_us - w->until_s * SECOND_US;

	return w->turn && late_us <= (grace_us > e->step_us ? grace_us : e->step_us) &&
	    (late_us >= 0 || r->lost || w->until_s * SECOND_US < e->free_us + SECOND_US);
}

/* The place of the message in its line.  A place in the future that the table has not given is of
 * another rate, or of a wrong clock.  *ret_waited: it has had one before. */
static int64_t
place_of(const struct rates *r, const struct rate *e, struct line *l, const struct rates_wait *w,
    int64_t now_us, bool *ret_waited)
{
	int64_t place_us = w->place_us;

	*ret_waited = place_us > 0 && (place_us <= e->clock_us || place_us < l->end_us ||
		(r->lost && place_us < now_us + RATES_FAR_S * SECOND_US));
	if (!*ret_waited)
		place_us = l->end_us;
	/* If the file was lost, the places behind this one are free. */
	if (place_us + e->step_us > l->end_us && place_us >= e->clock_us)
		l->end_us = place_us + e->step_us;
	return place_us;
}

/* When the mail at a place of a line is due, if no other sender comes. */
static int64_t
place_due_us(const struct rate *e, int64_t place_us, int64_t now_us)
{
	const int64_t rest_us = place_us - e->clock_us;
	int64_t us = e->seen_us > now_us ? e->seen_us - now_us : 0;

	for (const struct line *l = e->lines; l && us < RATES_LOOK_S * SECOND_US; l = l->next)
		us += l->end_us - e->clock_us < rest_us ? l->end_us - e->clock_us : rest_us;
	return now_us + (us < RATES_LOOK_S * SECOND_US ? us : RATES_LOOK_S * SECOND_US);
}

static void
note_change(struct rates *r, int64_t now_us)
{
	r->changed = true;
	if (now_us - r->saved_us >= SECOND_US || now_us < r->saved_us)
		rates_save(r, 0, now_us);
}

/* One that waited may use moments of the last seconds, because its run was late. */
static enum rates_reply
look_into_line(const struct rates *r, const struct rate *e, struct line *l, struct rates_wait *w,
    int64_t now_us, struct rates_moment *ret)
{
	bool waited;

	w->place_us = place_of(r, e, l, w, now_us, &waited);
	w->turn = w->place_us <= e->clock_us;
	*ret = (struct rates_moment){ now_us, waited ? RATES_GRACE_S * SECOND_US : 0,
		e->free_us - now_us };
	if (w->turn)
		return RATES_DUE;
	w->until_s = ceil_s(place_due_us(e, w->place_us, now_us));
	return RATES_WAIT;
}

static void
wait_for_room(struct rates_wait *w, int64_t now_us)
{
	*w = (struct rates_wait){ .until_s = now_us / SECOND_US + RATES_WAIT_S };
}

enum rates_reply
rates_look(struct rates *r, const struct rates_line *line, struct rates_wait *w, int64_t now_us,
    struct rates_moment *ret)
{
	const int64_t step_us = (int64_t)line->interval_us;
	enum rates_reply reply;
	struct line *l = NULL;
	struct rate *e;

	look_at_clock(r, now_us);
	e = rate_of(r, line->destination, step_us, now_us);
	if (e) {
		look_at_rate(e, step_us, now_us);
		run_clock(e, now_us);
		if (has_turn(r, e, w, now_us)) {
			if (r->lost && e->free_us < w->until_s * SECOND_US + step_us)
				e->free_us = w->until_s * SECOND_US + step_us;
			return w->until_s * SECOND_US <= now_us ? RATES_GO : RATES_WAIT;
		}
		l = line_of(e, line->sender);
	}
	if (!l) {
		wait_for_room(w, now_us);
		return RATES_WAIT;
	}
	reply = look_into_line(r, e, l, w, now_us, ret);
	note_change(r, now_us);
	return reply;
}

/* The message gets a moment: now, or a turn. */
static bool
take_turn(struct rates *r, struct rate *e, struct rates_wait *w, int64_t at_us, int64_t now_us)
{
	e->free_us = at_us + e->step_us;
	w->turn = true;
	w->until_s = ceil_s(at_us);
	note_change(r, now_us);
	return at_us <= now_us;
}

bool
rates_take(struct rates *r, const struct rates_line *line, struct rates_wait *w,
    const struct rates_moment *m, int64_t now_us)
{
	struct rate *e = rate_of(r, line->destination, (int64_t)line->interval_us, now_us);

	if (e)
		return take_turn(r, e, w, own_moment(e, m, now_us), now_us);
	wait_for_room(w, now_us);
	return false;
}

/* Not earlier than this machine alone would, whatever the others reply. */
bool
rates_given(struct rates *r, const struct rates_line *line, struct rates_wait *w,
    const struct rates_moment *m, int64_t after_us, int64_t now_us)
{
	const int64_t at_us = m->asked_us + after_us;
	struct rate *e = rate_of(r, line->destination, (int64_t)line->interval_us, now_us);
	int64_t own_us;

	if (!e)
		return rates_take(r, line, w, m, now_us);
	own_us = own_moment(e, m, m->asked_us);
	if (at_us > own_us)	/* the moments between are of other machines */
		e->seen_us += at_us - own_us;
	return take_turn(r, e, w, at_us > own_us ? at_us : own_us, now_us);
}

/* ---- senders ---- */

/* Lists and programs write a detail into each reverse-path (VERP), so it does not count. */
static struct slice
without_detail(struct slice path)
{
	size_t i = 0;

	while (i < path.n && !strchr("+-=@", path.p[i]))
		i++;
	return slice_of(path.p, i);
}

static uint64_t
hash_client(uint64_t h, struct slice client)
{
	unsigned char octets[16];

	if (ip_parse(AF_INET6, client, octets))
		return hash_octets(h, octets, 8);
	return hash_slice(h, client);
}

uint64_t
rates_sender(const struct queue_entry *e)
{
	const char *at = e->from.n ? memrchr(e->from.p, '@', e->from.n) : NULL;
	uint64_t h;

	if (standing_has_user(e->standing))
		return hash_slice(hash_octet(HASH_START, 'u'), e->user);
	if (e->standing == STANDING_STRANGER)
		return hash_client(hash_octet(HASH_START, 'c'), e->client);
	h = hash_slice_any_case(hash_octet(HASH_START, 'p'), without_detail(e->from));
	return at ? hash_slice_any_case(h,
	    slice_of(at, (size_t)(e->from.p + e->from.n - at))) : h;
}

/* ---- notes ---- */

void
rates_outcome(const struct rates_wait *w, struct outcome *ret)
{
	char space[150];
	struct buf b = BUF(space);

	if (w->place_us == 0) {
		buf_str(&b, "too many destinations wait for their rates");
	} else {
		buf_add(&b, words);
		clock_stamp(&b, w->until_s);
		buf_add(&b, w->turn ? in_turn : in_line);
		buf_fmt(&b, "%016" PRId64 ")", w->place_us);
	}
	outcome_set(ret, CAUSE_RATE, SL(""), buf_slice(&b));
}

struct rates_wait
rates_note(struct slice note)
{
	struct rates_wait w = { 0 };
	struct slice place, until;
	uint64_t us;

	if (!slice_has_prefix(note, note_start))
		return w;
	note = slice_skip(note, note_start.n);
	if (!slice_has_prefix(note, words))
		return w;
	until = slice_cut(slice_skip(note, words.n), ' ', &place);
	w.turn = slice_has_prefix(place, slice_skip(in_turn, 1));
	if (!w.turn && !slice_has_prefix(place, slice_skip(in_line, 1)))
		return w;
	place = slice_cut(slice_skip(place, in_line.n - 1), ')', &note);
	if (!clock_stamp_parse(until, &w.until_s) || !slice_uint(place, INT64_MAX / 4, &us))
		return (struct rates_wait){ 0 };
	w.place_us = (int64_t)us;
	return w;
}
