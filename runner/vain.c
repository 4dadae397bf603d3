// SPDX-License-Identifier: ISC
/*
 * A few rows, each with a count for one sender, one recipient, or both.  A sender is meant if its
 * mail to several recipients was in vain, a recipient if that of several senders was.  An attempt
 * that the host has served ends the counts of its sender and recipient, and that of all mail.
 */
#include "runner/vain.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define ROWS 24
#define FULL (VAIN_MAX * VAIN_LOST_MAX)		/* the points of a rest */

enum subject { SUBJECT_PAIR, SUBJECT_SENDER, SUBJECT_RCPTS, SUBJECTS };

static const char *const names[SUBJECTS] = {
	[SUBJECT_PAIR] = "of this sender to this recipient",
	[SUBJECT_SENDER] = "of this sender",
	[SUBJECT_RCPTS] = "to this recipient",
};

struct row {
	enum subject subject;
	uint64_t key;			/* 0: the row is free */
	uint64_t other;			/* the first recipient of a sender, or its first sender */
	bool several;			/* there was another one: it is not that pair */
	enum outcome_bar bar;		/* of the last one */
	unsigned n, points;
	int64_t until_ms;		/* monotonic: it rests, if the points are enough */
};

struct vain {
	struct row rows[ROWS];
	unsigned next;			/* the row that is replaced next */
	/* In a row, of any mail: */
	unsigned n, points;
	uint64_t senders[VAIN_SENDERS], rcpts[VAIN_SENDERS];	/* different ones; 0: no more */
	/* The last one, and its sender. */
	struct outcome last;
	uint64_t last_sender;
};

static uint64_t
key_of(const struct vain_who *who, enum subject subject)
{
	const uint64_t both[] = { subject == SUBJECT_RCPTS ? 0 : who->sender,
		subject == SUBJECT_SENDER ? 0 : who->rcpts };
	const uint64_t key = hash_octets(HASH_START, both, sizeof both);

	return key ? key : 1;
}

/* NULL: none. */
static const struct row *
find_row(const struct vain *v, const struct vain_who *who, enum subject subject)
{
	const uint64_t key = key_of(who, subject);

	for (size_t i = 0; i < ROWS; i++)
		if (v->rows[i].key == key && v->rows[i].subject == subject)
			return &v->rows[i];
	return NULL;
}

static struct row *
get_row(struct vain *v, const struct vain_who *who, enum subject subject)
{
	const struct row *known = find_row(v, who, subject);
	const size_t at = known ? (size_t)(known - v->rows) : v->next++ % ROWS;

	if (!known)
		v->rows[at] = (struct row){
			.subject = subject, .key = key_of(who, subject),
			.other = subject == SUBJECT_SENDER ? who->rcpts : who->sender,
		};
	return &v->rows[at];
}

/* A refusal of MAIL is about its sender, whoever the recipient is. */
static void
count(struct vain *v, const struct vain_who *who, enum subject subject, unsigned points,
    int64_t now_ms)
{
	struct row *row = get_row(v, who, subject);

	row->several |= subject == SUBJECT_PAIR || v->last.bar == BAR_MAIL ||
	    row->other != (subject == SUBJECT_SENDER ? who->rcpts : who->sender);
	row->bar = v->last.bar;
	row->n++;
	row->points += points;
	row->until_ms = now_ms + VAIN_REST_MS;
}

static void
add_distinct(uint64_t list[VAIN_SENDERS], uint64_t hash)
{
	size_t i = 0;

	while (i < VAIN_SENDERS && list[i] && list[i] != hash)
		i++;
	if (i < VAIN_SENDERS)
		list[i] = hash;
}

/* X.1.z is about an address (RFC 3463): another sender has another one. */
static void
count_all(struct vain *v, const struct vain_who *who, unsigned points)
{
	const bool mail = v->last.bar == BAR_MAIL;

	if (mail && slice_has_prefix(slice_str(v->last.status), SL("4.1.")))
		return;
	v->n++;
	v->points += points;
	add_distinct(v->senders, who->sender ? who->sender : 1);
	if (!mail)
		add_distinct(v->rcpts, who->rcpts ? who->rcpts : 1);
}

static void
add(struct vain **at, const struct vain_who *who, const struct outcome *o, int64_t now_ms)
{
	const unsigned points = o->bar == BAR_NONE ? VAIN_MAX : VAIN_LOST_MAX;
	struct vain *v = *at;

	if (!v)
		v = *at = calloc(1, sizeof *v);
	if (!v)
		return;
	v->last = *o;
	v->last_sender = who->sender;
	count(v, who, SUBJECT_SENDER, points, now_ms);
	if (o->bar != BAR_MAIL) {
		count(v, who, SUBJECT_PAIR, points, now_ms);
		count(v, who, SUBJECT_RCPTS, points, now_ms);
	}
	count_all(v, who, points);
}

static void
served(struct vain **at, const struct vain_who *who)
{
	struct vain *v = *at;
	bool any = false;

	if (!v)
		return;
	for (size_t i = 0; i < ROWS; i++) {
		if (v->rows[i].key == key_of(who, v->rows[i].subject))
			v->rows[i].key = 0;
		any |= v->rows[i].key != 0;
	}
	v->n = v->points = 0;
	memset(v->senders, 0, sizeof v->senders);
	memset(v->rcpts, 0, sizeof v->rcpts);
	if (!any)
		vain_drop(at);
}

void
vain_learn(struct vain **v, const struct vain_who *who, const struct outcome *o, int64_t now_ms)
{
	if (o->bar == BAR_MAIL || o->bar == BAR_SESSION ||
	    (o->bar == BAR_NONE && (o->cause == CAUSE_LOST || o->cause == CAUSE_PROTOCOL)))
		add(v, who, o, now_ms);
	else if (o->bar == BAR_NONE && (o->kind == OUTCOME_DELIVERED || o->remote))
		served(v, who);
}

/* An outcome like the last one, with a text of ours. */
static void
set_text(struct outcome *ret, const struct vain *v, struct slice text)
{
	const struct outcome *last = &v->last;

	outcome_set(ret, last->cause, slice_str(last->host), text);
	memcpy(ret->status, last->status, sizeof ret->status);
}

/* "MAIL of this sender was refused 10 times in a row" */
static void
add_reason(struct buf *b, enum outcome_bar bar, const char *subject, unsigned n)
{
	if (bar == BAR_MAIL)
		buf_fmt(b, "MAIL %s was refused %u times in a row", subject, n);
	else if (bar == BAR_SESSION)
		buf_fmt(b, "the host ended %u sessions in a row at mail %s", n, subject);
	else
		buf_fmt(b, "%u connections in a row broke off at mail %s", n, subject);
}

/* The last reply may name a recipient, or another sender. */
static void
add_last(struct buf *b, const struct vain *v, bool shown)
{
	if (shown || !v->last.remote)
		buf_fmt(b, ": %s", v->last.detail);
	else
		buf_fmt(b, ", %.3s at last", v->last.detail);
}

bool
vain_rests(const struct vain *v, const struct vain_who *who, int64_t now_ms, struct outcome *ret)
{
	for (enum subject s = 0; v && s < SUBJECTS; s++) {
		const struct row *row = find_row(v, who, s);
		char space[OUTCOME_DETAIL + 120];
		struct buf b = BUF(space);

		if (!row || !row->several || row->points < FULL || now_ms >= row->until_ms)
			continue;
		buf_str(&b, "not asked, as ");
		add_reason(&b, row->bar, names[s], row->n);
		if (row->bar == v->last.bar)
			add_last(&b, v, s != SUBJECT_RCPTS && !who->verp &&
			    who->sender == v->last_sender);
		set_text(ret, v, buf_slice(&b));
		ret->bar = BAR_RESTED;
		return true;
	}
	return false;
}

bool
vain_all(const struct vain *v, struct outcome *ret)
{
	char space[OUTCOME_DETAIL + 120];
	struct buf b = BUF(space);

	if (!v || v->points < FULL ||
	    !(v->senders[VAIN_SENDERS - 1] || (v->senders[1] && v->rcpts[1])))
		return false;
	if (v->last.bar == BAR_NONE) {		/* the text is our own, and names nobody */
		*ret = v->last;
		return true;
	}
	add_reason(&b, v->last.bar, "of all senders", v->n);
	add_last(&b, v, false);
	set_text(ret, v, buf_slice(&b));
	return true;
}

void
vain_drop(struct vain **v)
{
	free(*v);
	*v = NULL;
}
