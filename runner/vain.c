// SPDX-License-Identifier: ISC
/*
 * A few rows, each with a count for one sender, one recipient, or both.  A sender is meant if its
 * mail to several recipients was in vain, a recipient if that of several senders was.  An attempt
 * that the host has served ends the counts of its sender and recipient, and that of all mail.
 *
 * If none is served, the rows of few senders, or of few recipients, reach their limit, as none of
 * them is replaced.  If both are many, all mail is meant.
 */
#include "runner/vain.h"

#include <stdlib.h>
#include <string.h>

#define ROWS 8				/* of each subject; more than VAIN_ENDS */
#define FULL (VAIN_MAX * VAIN_LOST_MAX)		/* the points of a rest */

enum subject { SUBJECT_PAIR, SUBJECT_SENDER, SUBJECT_RCPTS, SUBJECTS };

static const char *const names[SUBJECTS] = {
	[SUBJECT_PAIR] = "of this sender to this recipient",
	[SUBJECT_SENDER] = "of this sender",
	[SUBJECT_RCPTS] = "to this recipient",
};

/* Attempts in vain, in a row. */
struct tally {
	enum outcome_bar bar;		/* of the last one */
	bool mixed;			/* there was another bar before */
	unsigned n, points;
};

struct row {
	unsigned used;			/* the time of its last use; 0: the row is free */
	uint64_t sender, rcpts;		/* of its first attempt: the subject is one, or both */
	bool several;			/* there was another one: it is not that pair */
	struct tally tally;
	int64_t until_ms;		/* monotonic: it rests, if the points are enough */
};

struct vain {
	struct row rows[SUBJECTS][ROWS];
	unsigned time;			/* attempts so far */
	/* In a row, of any mail: */
	struct tally all;
	unsigned lost;			/* of these, connections that broke off */
	int64_t lost_ms;		/* the last one of any mail; monotonic, 0: none */
	unsigned nrefused;
	uint64_t refused[VAIN_SENDERS];	/* different senders whose MAIL was refused */
	/* Others that have neither a sender nor a recipient in common: as many senders or
	 * recipients are meant at least. */
	unsigned nends;
	uint64_t senders[VAIN_ENDS], rcpts[VAIN_ENDS];
	/* The last one, and its sender. */
	struct outcome last;
	uint64_t last_sender;
};

static bool
row_is(const struct row *row, enum subject subject, const struct vain_who *who)
{
	return row->used && (subject == SUBJECT_RCPTS || row->sender == who->sender) &&
	    (subject == SUBJECT_SENDER || row->rcpts == who->rcpts);
}

/* NULL: none. */
static const struct row *
find_row(const struct vain *v, const struct vain_who *who, enum subject subject)
{
	for (size_t i = 0; i < ROWS; i++)
		if (row_is(&v->rows[subject][i], subject, who))
			return &v->rows[subject][i];
	return NULL;
}

/* A new row takes a free place, or that which was not used for the longest time. */
static struct row *
get_row(struct vain *v, const struct vain_who *who, enum subject subject)
{
	struct row *rows = v->rows[subject];
	size_t at = 0;

	for (size_t i = 0; i < ROWS; i++) {
		if (row_is(&rows[i], subject, who))
			return &rows[i];
		if (rows[i].used < rows[at].used)
			at = i;
	}
	rows[at] = (struct row){ .sender = who->sender, .rcpts = who->rcpts };
	return &rows[at];
}

static void
tally_add(struct tally *t, enum outcome_bar bar)
{
	t->mixed |= t->n && t->bar != bar;
	t->bar = bar;
	t->n++;
	t->points += bar == BAR_NONE ? VAIN_MAX : VAIN_LOST_MAX;
}

/* A refusal of MAIL is about its sender, whoever the recipient is. */
static void
count(struct vain *v, const struct vain_who *who, enum subject subject, int64_t now_ms)
{
	struct row *row = get_row(v, who, subject);

	row->several |= subject == SUBJECT_PAIR || v->last.bar == BAR_MAIL ||
	    (subject == SUBJECT_SENDER ? row->rcpts != who->rcpts : row->sender != who->sender);
	row->used = v->time;
	tally_add(&row->tally, v->last.bar);
	row->until_ms = now_ms + VAIN_REST_MS;
}

static void
add_refused(struct vain *v, uint64_t sender)
{
	unsigned i = 0;

	while (i < v->nrefused && v->refused[i] != sender)
		i++;
	if (i == v->nrefused && i < VAIN_SENDERS)
		v->refused[v->nrefused++] = sender;
}

static void
add_end(struct vain *v, const struct vain_who *who)
{
	for (unsigned i = 0; i < v->nends; i++)
		if (v->senders[i] == who->sender || v->rcpts[i] == who->rcpts)
			return;
	if (v->nends == VAIN_ENDS)
		return;
	v->senders[v->nends] = who->sender;
	v->rcpts[v->nends++] = who->rcpts;
}

static void
count_all(struct vain *v, const struct vain_who *who)
{
	const bool mail = v->last.bar == BAR_MAIL;

	if (mail && outcome_of_address(slice_str(v->last.status)))
		return;
	tally_add(&v->all, v->last.bar);
	v->lost += v->last.bar == BAR_NONE;
	if (mail)
		add_refused(v, who->sender);
	else
		add_end(v, who);
}

static void
add(struct vain **at, const struct vain_who *who, const struct outcome *o, int64_t now_ms)
{
	struct vain *v = *at;

	if (!v)
		v = *at = calloc(1, sizeof *v);
	if (!v || (o->bar == BAR_NONE && who->begun_ms && who->begun_ms < v->lost_ms))
		return;
	if (o->bar == BAR_NONE)
		v->lost_ms = now_ms;
	v->last = *o;
	v->last_sender = who->sender;
	v->time++;
	count(v, who, SUBJECT_SENDER, now_ms);
	if (o->bar != BAR_MAIL) {
		count(v, who, SUBJECT_PAIR, now_ms);
		count(v, who, SUBJECT_RCPTS, now_ms);
	}
	count_all(v, who);
}

static void
served(struct vain **at, const struct vain_who *who)
{
	struct vain *v = *at;
	bool any = false;

	if (!v)
		return;
	for (enum subject s = 0; s < SUBJECTS; s++)
		for (size_t i = 0; i < ROWS; i++) {
			if (row_is(&v->rows[s][i], s, who))
				v->rows[s][i].used = 0;
			any |= v->rows[s][i].used != 0;
		}
	v->all = (struct tally){ 0 };
	v->lost = v->nrefused = v->nends = 0;
	if (!any)
		vain_drop(at);
}

void
vain_learn(struct vain **v, const struct vain_who *who, const struct outcome *o, int64_t now_ms)
{
	const bool vain = o->bar == BAR_MAIL || o->bar == BAR_SESSION ||
	    (o->bar == BAR_NONE && (o->cause == CAUSE_LOST || o->cause == CAUSE_PROTOCOL));

	if (vain && !who->served)
		add(v, who, o, now_ms);
	else if (who->served || o->kind == OUTCOME_DELIVERED ||
	    (o->kind == OUTCOME_FAILED && o->remote))
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
add_reason(struct buf *b, const struct tally *t, const char *subject)
{
	if (t->mixed)
		buf_fmt(b, "%u attempts in a row were in vain at mail %s", t->n, subject);
	else if (t->bar == BAR_MAIL)
		buf_fmt(b, "MAIL %s was refused %u times in a row", subject, t->n);
	else if (t->bar == BAR_SESSION)
		buf_fmt(b, "the host ended %u sessions in a row at mail %s", t->n, subject);
	else
		buf_fmt(b, "%u connections in a row broke off at mail %s", t->n, subject);
}

/* The last text, without what is true of its own message only. */
static struct slice
last_text(const struct vain *v)
{
	const char *text = v->last.detail, *end = strstr(text, OUTCOME_TWICE);

	while (end && end > text && *end != '(')
		end--;
	return slice_trim(end ? slice_of(text, (size_t)(end - text)) : slice_str(text));
}

/* A text of the host may name a recipient, or another sender. */
static void
add_last(struct buf *b, const struct vain *v, bool shown)
{
	const struct slice text = last_text(v);

	if (shown || v->last.cause == CAUSE_LOST)
		buf_fmt(b, ": %.*s", (int)text.n, text.p);
	else if (v->last.remote)
		buf_fmt(b, ", %.3s at last", v->last.detail);
	else
		buf_str(b, ", at last with a reply that is none");
}

bool
vain_rests(const struct vain *v, const struct vain_who *who, int64_t now_ms, struct outcome *ret)
{
	for (enum subject s = 0; v && s < SUBJECTS; s++) {
		const struct row *row = find_row(v, who, s);
		char space[OUTCOME_DETAIL + 120];
		struct buf b = BUF(space);

		if (!row || !row->several || row->tally.points < FULL || now_ms >= row->until_ms)
			continue;
		buf_str(&b, "not asked, as ");
		add_reason(&b, &row->tally, names[s]);
		if (row->tally.bar == v->last.bar)
			add_last(&b, v, s != SUBJECT_RCPTS && !who->verp &&
			    who->sender == v->last_sender);
		set_text(ret, v, buf_slice(&b));
		ret->bar = BAR_RESTED;
		return true;
	}
	return false;
}

/* Are they too many for a few senders and recipients that are meant? */
static bool
is_all(const struct vain *v)
{
	const unsigned ends = v->lost >= VAIN_LOST_MAX ? VAIN_LOST : VAIN_ENDS;

	return v->all.points >= FULL && (v->nrefused == VAIN_SENDERS || v->nends >= ends);
}

bool
vain_ended(const struct vain *v)
{
	return v->last.bar != BAR_MAIL || slice_has_prefix(slice_str(v->last.detail), SL("421"));
}

bool
vain_all(const struct vain *v, struct outcome *ret)
{
	char space[OUTCOME_DETAIL + 120];
	struct buf b = BUF(space);

	if (!v || !is_all(v))
		return false;
	add_reason(&b, &v->all, "of all senders");
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
