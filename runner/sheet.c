// SPDX-License-Identifier: ISC
/*
 * A sheet is a head, a row for each recipient, and text.  Rows and head name parts of the text by
 * offset and length.  Each number is checked, and no text has control characters.
 */
#include "runner/sheet.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "attempt/owed.h"
#include "base/clock.h"
#include "base/foreign.h"
#include "base/idn.h"
#include "runner/destination.h"
#include "runner/rank.h"
#include "runner/rates.h"
#include "runner/schedule.h"

#define TIME_MAX_S (INT64_C(1) << 40)	/* either way, so that sums cannot overflow */
#define LAST_MAX   400			/* octets of the last report of an attempt */

struct span {
	uint32_t at, n;
};

struct head {
	int32_t error;			/* of the loading: the rest is 0 */
	uint32_t nrcpts, ntext;
	uint32_t attempts, rank, scope;
	uint64_t content_at, content_size;
	int64_t arrived_us, release_s, deadline_s;
	uint64_t sender;
	struct span from, quarantine, sign_domain;
	struct queue_lines lines;
	bool warned, expanded, report, released, deadline, give_back, noticed;
};

struct row {
	struct span path, domain, last;
	int64_t place_us, until_s;	/* of a wait for a rate */
	uint32_t at, local, route;
	char state;
	bool wants_failed, wants_delayed, turn;
};

/* ---- writing ---- */

struct writing {
	struct buf *b;
	size_t text;			/* where the text begins in b */
};

static struct span
put_text(struct writing *w, struct slice text)
{
	const struct span span = { (uint32_t)(w->b->n - w->text), (uint32_t)text.n };

	buf_add(w->b, text);
	return span;
}

/* The last note about a recipient in the log, without its path.  A host's reply is kept; a
 * reason of ours is not, because it may name files of this machine. */
static struct slice
last_note(const struct queue_entry *e, struct slice path, struct buf *b)
{
	struct slice words;
	const char *why;

	queue_last_note(e, path, b);
	words = slice_skip(buf_slice(b), path.n + sizeof "<> " - 1);
	why = words.n ? memmem(words.p, words.n, " why=", 5) : NULL;
	if (why)
		words = slice_of(words.p, (size_t)(why - words.p));
	return words.n > LAST_MAX ? slice_of(words.p, LAST_MAX) : words;
}

/* How the message waits by the last note about a recipient. */
static struct rates_wait
wait_of(const struct queue_entry *e, struct slice path)
{
	char space[QUEUE_LATE_MAX];
	struct buf last = BUF(space);

	queue_last_note(e, path, &last);
	return rates_note(slice_skip(buf_slice(&last), path.n + sizeof "<> " - 1));
}

static void
fill_row(struct writing *w, const struct config *c, const struct queue_entry *e, uint32_t i,
    bool over, struct row *row)
{
	const struct queue_rcpt *rcpt = &e->rcpts[i];
	char space[QUEUE_LATE_MAX];
	struct buf last = BUF(space);
	struct idn_name name;
	struct slice domain;

	memset(row, 0, sizeof *row);
	row->route = (uint32_t)config_route_number(c, destination_route(c, e, i, &domain));
	row->path = put_text(w, rcpt->path);
	row->domain = put_text(w, idn_canonical(domain, &name));
	row->local = (uint32_t)(rcpt->path.n - rcpt->domain.n);
	row->at = (uint32_t)rcpt->at;
	row->state = rcpt->state;
	row->wants_failed = owed_wanted(e, i, NOTICE_FAILED);
	row->wants_delayed = owed_wanted(e, i, NOTICE_DELAYED);
	if (over && rcpt->state == QUEUE_PENDING)
		row->last = put_text(w, last_note(e, rcpt->path, &last));
	if (config_route_at(c, row->route)->interval_us && rcpt->state == QUEUE_PENDING) {
		const struct rates_wait wait = wait_of(e, rcpt->path);

		row->place_us = wait.place_us;
		row->until_s = wait.until_s;
		row->turn = wait.turn;
	}
}

static bool
was_released(const struct queue_entry *e)
{
	char space[400];
	struct buf last = BUF(space);

	if (e->quarantine.n)
		queue_last_note(e, SL("quarantine"), &last);
	return last.n > 0;
}

static void
fill_head(struct writing *w, const struct config *c, const struct queue_entry *e,
    const struct deadline *d, struct head *h)
{
	const struct dkim_right right = dkim_right(c, (struct sender){ e->from, e->standing });

	h->nrcpts = (uint32_t)e->nrcpts;
	h->attempts = e->attempts;
	h->rank = rank_of(e);
	h->sender = rates_sender(e);
	h->scope = right.scope;
	h->content_at = e->content_at;
	h->content_size = e->content_size;
	h->arrived_us = e->arrived_us;
	h->lines = e->lines;
	h->release_s = schedule_release_s(e);
	h->deadline_s = d->at_s;
	h->from = put_text(w, e->from);
	h->quarantine = put_text(w, slice_of(e->quarantine.p, e->quarantine.n < 300 ?
	    e->quarantine.n : 300));
	if (right.scope == DKIM_OWN)
		h->sign_domain = put_text(w, right.domain);
	h->warned = e->warned;
	h->expanded = e->expanded;
	h->report = e->report;
	h->released = was_released(e);
	h->deadline = d->set;
	h->give_back = d->give_back;
	h->noticed = d->noticed;
}

void
sheet_write(const struct config *c, struct queue_entry *e, int error, struct buf *b)
{
	const size_t at = b->n, nrcpts = error ? 0 : e->nrcpts;
	const size_t rows = nrcpts * sizeof(struct row);
	struct writing w = { b, at + sizeof(struct head) + rows };
	struct deadline deadline;
	struct head h;
	bool over;

	memset(&h, 0, sizeof h);
	h.error = error;
	b->full |= b->cap - b->n < sizeof h + rows;
	if (b->full)
		return;
	b->n = w.text;
	if (error == 0) {
		deadline = deadline_of(e);
		over = deadline_ends(&deadline, clock_wall_s());
		fill_head(&w, c, e, &deadline, &h);
		for (uint32_t i = 0; i < nrcpts; i++) {
			struct row row;

			fill_row(&w, c, e, i, over, &row);
			memcpy(b->p + at + sizeof h + i * sizeof row, &row, sizeof row);
		}
	}
	h.ntext = (uint32_t)(b->n - w.text);
	memcpy(b->p + at, &h, sizeof h);
}

/* ---- reading ---- */

static bool
take_text(struct slice text, struct span span, struct slice *ret)
{
	if (span.at > text.n || span.n > text.n - span.at)
		return false;
	*ret = slice_of(text.p + span.at, span.n);
	return !slice_has_control(*ret);
}

static bool
is_time(int64_t s)
{
	return s > -TIME_MAX_S && s < TIME_MAX_S;
}

static bool
is_head(const struct head *h)
{
	return h->rank < RANKS && h->scope < DKIM_SCOPES && is_time(h->arrived_us / 1000000) &&
	    is_time(h->release_s) && is_time(h->deadline_s) && foreign_bool(&h->warned) &&
	    foreign_bool(&h->expanded) && foreign_bool(&h->report) &&
	    foreign_bool(&h->released) &&
	    foreign_bool(&h->deadline) && foreign_bool(&h->give_back) &&
	    foreign_bool(&h->noticed);
}

static bool
take_row(const struct config *c, const struct row *row, struct slice text, struct queue_rcpt *rcpt,
    struct sheet_rcpt *more)
{
	if (!is_time(row->place_us / 1000000) || !is_time(row->until_s) ||
	    !foreign_bool(&row->turn) ||
	    !foreign_bool(&row->wants_failed) || !foreign_bool(&row->wants_delayed) ||
	    row->route > c->nroutes || row->local > row->path.n || row->path.n == 0 ||
	    !take_text(text, row->path, &rcpt->path) ||
	    !take_text(text, row->domain, &rcpt->domain) ||
	    !take_text(text, row->last, &more->last))
		return false;
	rcpt->at = row->at;
	rcpt->state = row->state;
	more->route = config_route_at(c, row->route);
	more->local = row->local;
	more->wait = (struct rates_wait){ row->place_us, row->until_s, row->turn };
	more->wants_failed = row->wants_failed;
	more->wants_delayed = row->wants_delayed;
	return true;
}

static bool
take_head(const struct head *h, struct slice text, struct sheet *s)
{
	s->e.content_at = h->content_at;
	s->e.content_size = h->content_size;
	s->e.arrived_us = h->arrived_us;
	s->e.lines = h->lines;
	s->sender = h->sender;
	s->e.attempts = h->attempts;
	s->e.warned = h->warned;
	s->e.expanded = h->expanded;
	s->e.report = h->report;
	s->e.nrcpts = h->nrcpts;
	s->release_s = h->release_s;
	s->rank = h->rank;
	s->released = h->released;
	s->deadline = (struct deadline){
		.set = h->deadline, .give_back = h->give_back, .noticed = h->noticed,
		.at_s = h->deadline_s,
	};
	s->right.scope = (enum dkim_scope)h->scope;
	return take_text(text, h->from, &s->e.from) &&
	    take_text(text, h->quarantine, &s->e.quarantine) &&
	    take_text(text, h->sign_domain, &s->right.domain);
}

static int
take_all(const struct config *c, const struct head *h, struct slice octets, struct sheet *s)
{
	const char *rows = octets.p + sizeof *h;
	const size_t at = sizeof *h + h->nrcpts * sizeof(struct row);
	const struct slice text = slice_skip(octets, at);
	struct row row;

	if (octets.n < at || text.n != h->ntext || !take_head(h, text, s))
		return -EPROTO;
	s->e.rcpts = calloc(h->nrcpts, sizeof *s->e.rcpts);
	s->rcpts = calloc(h->nrcpts, sizeof *s->rcpts);
	if (!s->e.rcpts || !s->rcpts)
		return -ENOMEM;
	for (size_t i = 0; i < h->nrcpts; i++) {
		memcpy(&row, rows + i * sizeof row, sizeof row);
		if (!take_row(c, &row, text, &s->e.rcpts[i], &s->rcpts[i]))
			return -EPROTO;
	}
	return queue_entry_valid(&s->e) ? 0 : -EPROTO;
}

static int
read_copy(const struct config *c, const char *id, struct slice octets, struct sheet *s)
{
	struct head h;

	memcpy(&h, octets.p, sizeof h);
	if (h.error)
		return h.error < 0 && h.error > -4096 ? h.error : -EPROTO;
	if (!is_head(&h))
		return -EPROTO;
	(void)snprintf(s->e.id, sizeof s->e.id, "%s", id);
	return take_all(c, &h, octets, s);
}

int
sheet_read(const struct config *c, const char *id, struct slice octets, struct sheet *ret)
{
	struct sheet s = { .e.fd = -1 };
	int r;

	if (octets.n < sizeof(struct head))
		return -EPROTO;
	s.e.head = malloc(octets.n);	/* the octets may change meanwhile */
	if (!s.e.head)
		return -ENOMEM;
	memcpy(s.e.head, octets.p, octets.n);
	r = read_copy(c, id, slice_of(s.e.head, octets.n), &s);
	if (r < 0)
		sheet_done(&s);
	else
		*ret = s;
	return r;
}

static void
write_sheet(const void *config, struct queue_entry *e, int error, struct buf *to)
{
	sheet_write(config, e, error, to);
}

size_t
sheet_ask(struct queue_reader *reader, const struct config *c, const struct queue *q,
    char (*ids)[QUEUE_ID_SIZE], size_t n, queue_reader_take *take, void *ctx)
{
	reader->write = write_sheet;
	reader->ctx = c;
	return queue_reader_ask(reader, q->cur, ids, n, take, ctx);
}

struct getting {
	const struct config *config;
	const char *id;
	struct sheet *sheet;
	int error, signo;
};

static void
take_sheet(void *ctx, size_t i, const struct queue_reader_reply *reply)
{
	struct getting *g = ctx;

	(void)i;
	g->signo = reply->signo;
	g->error = -EPROTO;
	if (!g->signo)
		g->error = sheet_read(g->config, g->id, reply->octets, g->sheet);
}

int
sheet_get(struct queue_reader *reader, const struct config *c, const struct queue *q,
    const char *id, struct sheet *ret, int *ret_signo)
{
	struct getting g = { .config = c, .id = id, .sheet = ret, .error = -EAGAIN };
	char ids[1][QUEUE_ID_SIZE];

	(void)snprintf(ids[0], sizeof ids[0], "%s", id);
	(void)sheet_ask(reader, c, q, ids, 1, take_sheet, &g);
	if (g.error == -EPROTO && !g.signo) {
		queue_reader_end(reader);	/* nothing from it can be believed */
		g.signo = SHEET_BROKEN;
	}
	*ret_signo = g.signo;
	return g.error;
}

int
sheet_open(const struct queue *q, struct sheet *s)
{
	if (s->e.fd < 0)
		s->e.fd = queue_open_message(q, s->e.id);
	return s->e.fd < 0 ? s->e.fd : 0;
}

void
sheet_done(struct sheet *s)
{
	if (s->e.fd >= 0)
		(void)close(s->e.fd);
	free(s->e.rcpts);
	free(s->e.head);
	free(s->rcpts);
	*s = (struct sheet){ .e.fd = -1 };
}
