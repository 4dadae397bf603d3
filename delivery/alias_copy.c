// SPDX-License-Identifier: ISC
/*
 * Writes copies of a message.  A copy has an envelope of its own, and the content unchanged behind
 * one field of ours, by which a loop is detected.
 */
#include "delivery/alias_copy.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "smtp/deliver_by.h"
#include "smtp/dsn.h"
#include "smtp/extension.h"
#include "smtp/param.h"
#include "smtp/server.h"

#define PARAMS_MAX (SMTP_PARAMS_MAX + SMTP_ORCPT_MAX)	/* what a session accepts, and more */
#define BLOCK	   65536

/* Add BY with the remaining time.  An invalid BY is dropped. */
static void
add_by(struct buf *b, struct slice keyword, struct slice value, int64_t age_s)
{
	struct smtp_by by;

	if (!smtp_by_parse(value, &by))
		return;
	smtp_by_pass(&by, age_s);
	smtp_param_add(b, keyword, SL(""));
	smtp_by_put(b, &by);
}

void
alias_copy_from_params(struct slice params, bool list, int64_t age_s, struct buf *b)
{
	struct smtp_param p;

	while (smtp_param_take(&params, &p) == SMTP_PARAM_TAKEN) {
		enum smtp_extension_id id;
		const struct smtp_parameter *known =
		    smtp_parameter_find(p.keyword, SMTP_OF_MAIL, &id);
		const enum smtp_copy copy = known ? known->copy : SMTP_COPY_AS_IT_IS;

		if (copy == SMTP_COPY_TIME_LEFT)
			add_by(b, known->keyword, p.value, age_s);
		else if (copy == SMTP_COPY_AS_IT_IS || (copy == SMTP_COPY_NOT_OF_LIST && !list))
			smtp_param_add(b, p.whole, slice_of(NULL, 0));
	}
}

void
alias_copy_rcpt_params(struct slice params, bool list, bool single, const struct smtp_path *to,
    struct buf *b)
{
	if (!list)
		smtp_dsn_copy_rcpt(params, !single, to, b);
}

/* The copy is as trusted as its original: the sender chose its content.  Another reverse-path, as
 * the address of a list, does not belong to the user. */
static void
write_standing(struct queue_message *m, const struct queue_entry *e, bool other)
{
	const bool owner = e->standing == STANDING_OWNER;

	queue_standing(m, owner && other ? STANDING_USER : e->standing, e->user);
}

static int
write_envelope(
    const struct queue *q, struct queue_message *m, const struct alias_copy *c, bool list)
{
	const struct expansion *x = c->expansion;
	const struct queue_entry *e = c->e;
	const struct slice sender = smtp_path_text(&x->copies[c->index].sender);
	const bool away = x->copies[c->index].away && c->returns;
	const int64_t age_s = (clock_wall_us() - e->arrived_us) / 1000000;
	char from_space[PARAMS_MAX], rcpt_space[PARAMS_MAX];
	struct buf from = BUF(from_space), rcpt = BUF(rcpt_space);

	alias_copy_from_params(e->from_params, list, age_s, &from);
	alias_copy_rcpt_params(
	    e->rcpts[c->rcpt].params, list, expansion_is_single(x), c->to, &rcpt);
	if (from.full || rcpt.full)
		return -EMSGSIZE;
	queue_field(m, "client", e->client);
	queue_field(m, "protocol", SL("alias"));
	queue_field(m, "expanded-from", slice_str(e->id));
	if (e->junk.n)
		queue_field(m, "junk", e->junk);
	write_standing(m, e, list || away);
	if (away)
		queue_field(m, "sender", e->from);
	if (list && c->verp)
		queue_field(m, "verp", SL("yes"));
	queue_from(m, list ? sender : away ? smtp_path_text(c->returns) : e->from,
	    buf_slice(&from));
	for (size_t i = 0; i < x->n; i++)
		if (x->members[i].copy == c->index)
			queue_rcpt(q, m, smtp_path_text(&x->members[i].path), buf_slice(&rcpt));
	return queue_head_end(q, m, 0);
}

/* Put our field.  A copy for the mailbox of the alias itself must not have it: the mailbox adds the
 * same field and would take ours for a loop. */
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
	ssize_t n = 0;
	int r = block ? 0 : -ENOMEM;

	while (r == 0 && (n = queue_read(e, at, block, BLOCK)) > 0) {
		r = queue_content(m, slice_of(block, (size_t)n));
		at += (uint64_t)n;
	}
	free(block);
	return n < 0 ? (int)n : r;
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
	/* A notice stays without a sender: nobody gets a notice about it. */
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
