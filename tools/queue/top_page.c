// SPDX-License-Identifier: ISC
/*
 * A page has a head and three tables: destinations, paused hosts, frozen routes.  If the rows are
 * few, each table gets a part of them, and its last line is the number of those that are not shown.
 */
#include "tools/queue/top.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "hosts/hosts.h"
#include "queue/by_host.h"

#define TOP_LINE   1200
#define LOW        14		/* rows of a screen without room for all of the head */
#define NARROW     64		/* columns of one without room for long words */

/* Lines of a part of the page, each as wide as the page at most. */
struct part {
	char *text;
	size_t size;
	FILE *out;
	size_t columns, lines;
};

static void
begin_part(struct part *p, size_t columns)
{
	*p = (struct part){ .columns = columns };
	p->out = open_memstream(&p->text, &p->size);
}

static void
put_line(struct part *p, const struct buf *line)
{
	if (!p->out)
		return;
	if (text_width(buf_slice(line)) > p->columns)
		text_column(p->out, buf_slice(line), p->columns);
	else
		text_put(p->out, buf_slice(line));
	(void)fputc('\n', p->out);
	p->lines++;
}

/* Write the first lines of a part; more: if some are left, the last line is their number. */
static void
end_part(FILE *out, struct part *p, size_t lines, bool more)
{
	const bool cut = more && p->lines > lines;
	const char *at;

	if (!p->out || fclose(p->out) != 0)
		return;
	at = p->text;
	for (size_t i = 0; i < lines && i < p->lines && !(cut && i + 1 == lines); i++) {
		const char *end = strchr(at, '\n') + 1;

		(void)fwrite(at, 1, (size_t)(end - at), out);
		at = end;
	}
	if (cut && lines)
		text_print(out, "  and %zu more\n", p->lines - lines + 1);
	free(p->text);
}

/* A cell of a table: exactly that wide, with a blank behind it. */
static void
put_cell(struct buf *line, struct slice text, size_t columns, bool right)
{
	const size_t width = text_width(text);

	for (size_t i = width; right && i < columns; i++)
		buf_chr(line, ' ');
	/* A cell that is too wide is cut by octets, which is enough for names. */
	buf_add(line, width > columns ? slice_of(text.p, columns) : text);
	for (size_t i = width; !right && i < columns; i++)
		buf_chr(line, ' ');
	buf_chr(line, ' ');
}

static void
put_number(struct buf *line, double n, bool about, size_t columns)
{
	char space[40];
	struct buf b = BUF(space);

	if (n > 0)
		buf_fmt(&b, "%s%.0f", about ? "~" : "", n);
	else
		buf_str(&b, "-");
	put_cell(line, buf_slice(&b), columns, true);
}

/* ---- the head ---- */

static void
put_run(struct part *p, const struct top *t)
{
	char space[TOP_LINE];
	struct buf b = BUF(space);
	char stamp[32];
	struct buf s = BUF(stamp);

	clock_stamp(&s, t->now_s);
	buf_fmt(&b, "%s %.9s  ", t->tool->config.server.hostname, stamp + 11);
	if (!t->lives)
		buf_str(&b, "no relay at work");
	else if (!t->status_read)
		buf_str(&b, "relay at work");
	else
		buf_fmt(&b, "relay at work: %" PRIu64 " workers, %" PRIu64 " messages, %" PRIu64
		    " destinations", t->status.workers, t->status.messages,
		    t->status.destinations);
	put_line(p, &b);
}

static void
put_queue(struct part *p, const struct top *t)
{
	static const enum queue_place work[] = { QUEUE_IN_NEW, QUEUE_IN_CUR, QUEUE_IN_WAIT };
	char space[TOP_LINE];
	struct buf b = BUF(space);
	int64_t oldest_s = 0;
	uint64_t n[3], all = 0;

	if (!t->counted) {
		buf_str(&b, "to deliver: the first count of a very long queue is not done");
		put_line(p, &b);
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		const int64_t then_s = t->counts.oldest_s[work[i]];

		all += n[i] = tally_sum(&t->counts, work[i]);
		if (then_s && (!oldest_s || then_s < oldest_s))
			oldest_s = then_s;
	}
	buf_fmt(&b, "to deliver %" PRIu64 ": new %" PRIu64 ", active %" PRIu64 ", waiting %" PRIu64,
	    all, n[0], n[1], n[2]);
	if (oldest_s) {
		buf_str(&b, ", oldest ");
		text_duration(&b, t->now_s - oldest_s);
	}
	buf_fmt(&b, "; held %" PRIu64 ", dead %" PRIu64 ", receiving %" PRIu64,
	    tally_sum(&t->counts, QUEUE_IN_HOLD), tally_sum(&t->counts, QUEUE_IN_DEAD),
	    tally_sum(&t->counts, QUEUE_IN_TMP));
	put_line(p, &b);
}

static void
put_ages(struct part *p, const struct top *t)
{
	char space[TOP_LINE];
	struct buf b = BUF(space);

	buf_str(&b, "by age:");
	for (unsigned i = 0; i < TALLY_AGES; i++) {
		uint64_t n = 0;

		for (unsigned place = QUEUE_IN_NEW; place <= QUEUE_IN_WAIT; place++)
			n += t->counts.n[place][i];
		buf_fmt(&b, "  %s %" PRIu64, tally_ages[i], n);
	}
	put_line(p, &b);
}

/* The rates since a moment. */
static void
put_rates(struct part *p, const struct top *t, const char *label, size_t since)
{
	const struct top_moment *a = &t->moments[since], *b = &t->moments[t->nmoments - 1];
	const double s = (double)(b->at_us - a->at_us) / 1e6;
	const size_t columns = p->columns < NARROW ? 5 : 10;
	char space[TOP_LINE];
	struct buf line = BUF(space);

	put_cell(&line, slice_str(label), 8, false);
	for (unsigned i = 0; i < COUNTED_SUMS; i++) {
		char number[40];
		struct buf n = BUF(number);

		if (s > 0)
			buf_fmt(&n, "%.1f", (double)(b->sums[i] - a->sums[i]) / s);
		else
			buf_str(&n, "-");
		put_cell(&line, buf_slice(&n), columns, true);
	}
	put_line(p, &line);
}

static void
put_sums(struct part *p, const struct top *t, bool low)
{
	const struct top_moment *now = &t->moments[t->nmoments - 1];
	const bool narrow = p->columns < NARROW;
	char space[TOP_LINE], numbers[TOP_LINE];
	struct buf head = BUF(space), sums = BUF(numbers);

	put_cell(&head, SL("a second"), 8, false);
	put_cell(&sums, SL("in all"), 8, false);
	for (unsigned i = 0; i < COUNTED_SUMS; i++) {
		put_cell(&head, slice_of(counted_words[i], narrow ? 5 : strlen(counted_words[i])),
		    narrow ? 5 : 10, true);
		put_number(&sums, (double)now->sums[i], false, narrow ? 5 : 10);
	}
	put_line(p, &head);
	put_rates(p, t, "now", t->nmoments > 1 ? t->nmoments - 2 : 0);
	if (low)
		return;
	put_rates(p, t, "a minute", 0);
	/* In few columns they would be cut. */
	if (!narrow)
		put_line(p, &sums);
}

/* ---- destinations ---- */

struct row {
	const struct status_line *line;		/* NULL: no work in the run */
	const struct sample_group *group;	/* NULL: no message in the sample */
};

static int
by_work(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	const double p = x->group ? x->group->messages : 0, q = y->group ? y->group->messages : 0;

	if (!x->line != !y->line)
		return x->line ? -1 : 1;
	return p > q ? -1 : p < q;
}

/* Those of the run and those of the sample, by name. */
static size_t
match_rows(const struct top *t, struct row rows[STATUS_LINES + SAMPLE_GROUPS])
{
	size_t n = 0;

	for (size_t i = 0; t->status_read && i < t->status.n; i++)
		rows[n++] = (struct row){ .line = &t->status.lines[i] };
	for (size_t i = 0; t->sampled && i < t->sample.n; i++) {
		const struct sample_group *g = &t->sample.groups[i];
		size_t k = 0;

		while (k < n && !(rows[k].line && strcmp(rows[k].line->name, g->name) == 0))
			k++;
		if (k == n)
			rows[n++] = (struct row){ 0 };	/* not that of an earlier page */
		rows[k].group = g;
	}
	qsort(rows, n, sizeof rows[0], by_work);
	return n;
}

/* Append the reason why its mail waits. */
static void
put_reason(struct buf *b, const struct row *r)
{
	const struct status_line *l = r->line;

	if (l && l->why[0])
		buf_str(b, l->why);
	else if (l && l->workers >= l->limit && l->waiting)
		buf_fmt(b, "for its workers, %" PRIu64 " at most now", l->limit);
	else if (l && l->waiting && !l->workers)
		buf_str(b, "for a free worker");
	else if (r->group && r->group->why[0])
		buf_str(b, r->group->why);
}

/* A row has a line, a group or both. */
static const char *
row_name(const struct row *r)
{
	if (r->line)
		return r->line->name;
	return r->group->name[0] ? r->group->name : "(others)";
}

static void
put_row(struct part *p, const struct top *t, const struct row *r, size_t name)
{
	const struct sample_group *g = r->group;
	const bool about = t->sample.factor > 1;
	char space[TOP_LINE], age[20];
	struct buf b = BUF(space), a = BUF(age);

	put_cell(&b, slice_str(row_name(r)), name, false);
	put_number(&b, r->line ? (double)r->line->workers : 0, false, 4);
	put_number(&b, r->line ? (double)r->line->waiting : 0, false, 6);
	put_number(&b, g ? g->messages : 0, about, 8);
	if (g)
		text_duration(&a, t->now_s - g->oldest_s);
	put_cell(&b, buf_slice(&a), 4, true);
	put_reason(&b, r);
	put_line(p, &b);
}

static void
put_destinations(struct part *p, const struct top *t)
{
	static struct row rows[STATUS_LINES + SAMPLE_GROUPS];
	const size_t n = match_rows(t, rows);
	const size_t name = p->columns < NARROW ? 12 : p->columns < 120 ? 24 : 40;
	char space[TOP_LINE];
	struct buf b = BUF(space);

	put_cell(&b, SL("DESTINATION"), name, false);
	put_cell(&b, SL("WORK"), 4, true);
	put_cell(&b, SL("READY"), 6, true);
	put_cell(&b, SL("MESSAGES"), 8, true);
	put_cell(&b, SL("AGE"), 4, true);
	buf_str(&b, "WAITS FOR, OR LAST REPLY");
	put_line(p, &b);
	if (t->sample.broken > 0) {
		b.n = 0;
		put_cell(&b, SL("(no messages)"), name, false);
		put_cell(&b, SL(""), 4, true);
		put_cell(&b, SL(""), 6, true);
		put_number(&b, t->sample.broken, t->sample.factor > 1, 8);
		put_cell(&b, SL(""), 4, true);
		buf_str(&b, "see smtp-queue fsck");
		put_line(p, &b);
	}
	for (size_t i = 0; i < n; i++)
		put_row(p, t, &rows[i], name);
}

/* ---- what is left alone ---- */

static void
put_paused(struct part *p, const struct top *t)
{
	const struct queue *q = &t->tool->queue;
	const size_t name = p->columns < NARROW ? 12 : 24;
	struct hosts hosts;

	hosts_load(&hosts, q->state);
	hosts_pauses(&hosts, t->tool->config.queue.retry_min_s, t->tool->config.queue.retry_max_s);
	for (size_t i = 0; i < hosts.n; i++) {
		const struct host *h = &hosts.list[i];
		const int64_t until_s = hosts_paused_until(&hosts, h, t->now_s);
		char space[TOP_LINE], left[20];
		struct buf b = BUF(space), l = BUF(left);

		if (until_s <= t->now_s)
			continue;
		if (p->lines == 0) {
			buf_fmt(&b, "%-*s LEFT FAILED WAITING PAUSED HOST", (int)name, "");
			put_line(p, &b);
			b.n = 0;
		}
		text_duration(&l, until_s - t->now_s);
		put_cell(&b, slice_str(h->address), name, false);
		put_cell(&b, buf_slice(&l), 4, true);
		put_number(&b, h->failures, false, 6);
		put_number(&b, (double)queue_by_host_waiting(q, h->address), false, 7);
		buf_str(&b, h->name);
		put_line(p, &b);
	}
	hosts_done(&hosts);
}

static void
put_frozen(struct part *p, const struct top *t)
{
	struct frozen_list frozen;

	frozen_load(&frozen, t->tool->queue.state, t->now_s);
	for (size_t i = 0; i < frozen.n; i++) {
		const struct frozen *f = &frozen.list[i];
		char space[TOP_LINE], left[20];
		struct buf b = BUF(space), l = BUF(left);

		if (f->until_s <= t->now_s)
			continue;
		if (p->lines == 0) {
			buf_str(&b, "LEFT FROZEN ROUTE, AND THE REFUSAL OF ITS LOGIN");
			put_line(p, &b);
			b.n = 0;
		}
		text_duration(&l, f->until_s - t->now_s);
		put_cell(&b, buf_slice(&l), 4, true);
		buf_fmt(&b, "%s: %s", f->name, f->why);
		put_line(p, &b);
	}
	frozen_done(&frozen);
}

/* ---- the page ---- */

static size_t
at_most(size_t n, size_t most)
{
	return n < most ? n : most;
}

void
top_page(FILE *out, const struct top *t, size_t rows, size_t columns)
{
	struct part head, tables[3];
	size_t left, lines[3];
	const bool low = rows && rows < LOW;

	begin_part(&head, columns);
	put_run(&head, t);
	put_queue(&head, t);
	if (t->counted && !low)
		put_ages(&head, t);
	put_sums(&head, t, low);
	for (size_t i = 0; i < 3; i++)
		begin_part(&tables[i], columns);
	put_destinations(&tables[0], t);
	if (t->tool->queue.state >= 0) {
		put_paused(&tables[1], t);
		put_frozen(&tables[2], t);
	}
	left = !rows ? SIZE_MAX : rows > head.lines ? rows - head.lines : 0;
	/* A quarter each for hosts and routes, and what destinations do not need. */
	lines[2] = at_most(tables[2].lines, left / 4);
	lines[0] = at_most(tables[0].lines, left - lines[2] -
	    at_most(tables[1].lines, left / 4));
	lines[1] = at_most(tables[1].lines, left - lines[2] - lines[0]);
	lines[2] = at_most(tables[2].lines, left - lines[0] - lines[1]);
	end_part(out, &head, rows ? rows : SIZE_MAX, false);
	for (size_t i = 0; i < 3; i++)
		end_part(out, &tables[i], lines[i], true);
}
