// SPDX-License-Identifier: ISC
/*
 * Writes copies: the content as it is behind one field of ours that tells a loop when it comes back, an envelope of its
 * own.  Called by alias.c.
 */
#include "delivery/alias_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "smtp/param.h"

#define PARAMS_MAX 1600		/* as many as a session takes, and more */
#define BLOCK	   65536

static void
add_param(struct buf *b, struct slice whole)
{
	if (b->n)
		buf_chr(b, ' ');
	buf_add(b, whole);
}

static bool
is_one_of(struct slice keyword, const struct slice *words)
{
	for (; words->n; words++)
		if (slice_ieq(keyword, *words))
			return true;
	return false;
}

/* "BY=seconds;mode": with what is left of them (RFC 2852 section 4.1.4).  R needs at least one. */
static void
add_by(struct buf *b, struct slice value, int64_t age_s)
{
	struct slice mode, time = slice_cut(value, ';', &mode);
	const bool negative = time.n && time.p[0] == '-', returns = mode.n && ascii_lower(mode.p[0]) == 'r';
	uint64_t seconds;
	int64_t left;

	if (!slice_uint(slice_skip(time, negative), INT32_MAX, &seconds))
		return;
	left = (negative ? -(int64_t)seconds : (int64_t)seconds) - age_s;
	if (returns && left < 1)
		left = 1;
	buf_str(b, b->n ? " " : "");
	buf_fmt(b, "BY=%lld;%.*s", (long long)left, (int)mode.n, mode.p);
}

void
alias_copy_from_params(struct slice params, bool list, int64_t age_s, struct buf *b)
{
	static const struct slice over[] = { S("HOLDFOR"), S("HOLDUNTIL"), S("") };
	static const struct slice senders[] = { S("RET"), S("ENVID"), S("") };
	struct smtp_param p;

	while (smtp_param_take(&params, &p) == SMTP_PARAM_TAKEN) {
		if (is_one_of(p.keyword, over) || (list && is_one_of(p.keyword, senders)))
			continue;
		if (slice_ieq(p.keyword, SL("BY")))
			add_by(b, p.value, age_s);
		else
			add_param(b, p.whole);
	}
}

/* Without SUCCESS; when nothing else was asked for, nothing is to be told. */
static void
add_notify(struct buf *b, struct slice value)
{
	bool first = true;

	buf_str(b, b->n ? " NOTIFY=" : "NOTIFY=");
	while (value.n) {
		const struct slice word = slice_cut(value, ',', &value);

		if (slice_ieq(word, SL("SUCCESS")))
			continue;
		buf_str(b, first ? "" : ",");
		buf_add(b, word);
		first = false;
	}
	if (first)
		buf_str(b, "NEVER");
}

/* RFC 3461 section 4.2 and, for xtext, 4. */
static void
add_orcpt(struct buf *b, const struct smtp_path *to)
{
	buf_str(b, b->n ? " ORCPT=rfc822;" : "ORCPT=rfc822;");
	for (size_t i = 0; i < to->n; i++)
		if (to->text[i] <= ' ' || to->text[i] > '~' || to->text[i] == '+' || to->text[i] == '=')
			buf_fmt(b, "+%02X", (unsigned char)to->text[i]);
		else
			buf_chr(b, to->text[i]);
}

void
alias_copy_rcpt_params(struct slice params, bool list, bool single, const struct smtp_path *to, struct buf *b)
{
	struct smtp_param p;
	bool named = to->utf8;		/* which rfc822 cannot say */

	if (list)
		return;
	while (smtp_param_take(&params, &p) == SMTP_PARAM_TAKEN) {
		named |= slice_ieq(p.keyword, SL("ORCPT"));
		if (slice_ieq(p.keyword, SL("NOTIFY")) && !single)
			add_notify(b, p.value);
		else
			add_param(b, p.whole);
	}
	if (!named)
		add_orcpt(b, to);
}

static int
write_envelope(const struct queue *q, struct queue_message *m, const struct alias_copy *c, bool list)
{
	const struct expansion *x = c->expansion;
	const struct queue_entry *e = c->e;
	char from_space[PARAMS_MAX], rcpt_space[PARAMS_MAX];
	struct buf from = BUF(from_space), rcpt = BUF(rcpt_space);

	alias_copy_from_params(e->from_params, list, (clock_wall_us() - e->arrived_us) / 1000000, &from);
	alias_copy_rcpt_params(e->rcpts[c->rcpt].params, list, expansion_is_single(x), c->to, &rcpt);
	if (from.full || rcpt.full)
		return -EMSGSIZE;
	queue_field(m, "client", e->client);
	queue_field(m, "protocol", SL("alias"));
	queue_field(m, "expanded-from", slice_str(e->id));
	queue_from(m, list ? smtp_path_text(&x->copies[c->index].sender) : e->from, buf_slice(&from));
	for (size_t i = 0; i < x->n; i++)
		if (x->members[i].copy == c->index)
			queue_rcpt(q, m, smtp_path_text(&x->members[i].path), buf_slice(&rcpt));
	return queue_head_end(q, m, 0);
}

/* The mailbox of the same name puts it there itself, and would take ours for a loop. */
static int
write_mark(struct queue_message *m, const struct alias_copy *c, struct queue_facts *facts)
{
	char space[sizeof c->to->text + 20];
	struct buf b = BUF(space);

	buf_str(&b, "Delivered-To: ");
	buf_add(&b, smtp_path_text(c->to));
	facts->eight_bit |= c->to->utf8;
	facts->utf8_header |= c->to->utf8;
	if (facts->longest_line < b.n)
		facts->longest_line = b.n;
	if (c->e->content_size == 0)
		facts->no_final_crlf = false;
	buf_str(&b, "\r\n");
	return queue_content(m, buf_slice(&b));
}

static int
write_content(struct queue_message *m, const struct queue_entry *e)
{
	char *block = malloc(BLOCK);
	uint64_t at = 0;
	int r = block ? 0 : -ENOMEM;

	while (r == 0 && at < e->content_size) {
		const uint64_t rest = e->content_size - at;
		const ssize_t got = pread(e->fd, block, rest < BLOCK ? (size_t)rest : BLOCK, (off_t)(e->content_at + at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			r = -EIO;
		} else {
			r = queue_content(m, slice_of(block, (size_t)got));
			at += (uint64_t)got;
		}
	}
	free(block);
	return r;
}

static bool
has_members(const struct expansion *x, uint32_t copy)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->members[i].copy == copy)
			return true;
	return false;
}

int
alias_copy_write(const struct queue *q, const struct alias_copy *c, char ret_id[QUEUE_ID_SIZE])
{
	const struct expansion_copy *copy = &c->expansion->copies[c->index];
	/* A notice stays one without a sender: what becomes of it is told to nobody. */
	const bool list = copy->sender.n && c->e->from.n;
	struct queue_facts facts = c->e->facts;
	struct queue_message *m;
	int r;

	ret_id[0] = '\0';
	if (!has_members(c->expansion, c->index))
		return 0;
	m = malloc(sizeof *m);
	if (!m)
		return -ENOMEM;
	queue_begin(m);
	r = write_envelope(q, m, c, list);
	if (r == 0 && !copy->self)
		r = write_mark(m, c, &facts);
	if (r == 0)
		r = write_content(m, c->e);
	if (r == 0)
		r = queue_commit(q, m, &facts);
	if (r == 0)
		memcpy(ret_id, m->id, QUEUE_ID_SIZE);
	else
		queue_abort(q, m);
	free(m);
	return r;
}
