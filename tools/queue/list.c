// SPDX-License-Identifier: ISC
/*
 * smtp-queue list: one line a message, in the order of the folders' entries.  Nothing is
 * collected or sorted, and one message is in memory at a time: a huge queue shows at once.
 */
#include "tools/queue/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"

#define AGE_COLUMNS  4
#define SIZE_COLUMNS 5
#define NEXT_COLUMNS 9
/* With the gaps. */
#define FIXED_COLUMNS (QUEUE_ID_LEN + AGE_COLUMNS + SIZE_COLUMNS + NEXT_COLUMNS + 6)
#define NARROWEST    (FIXED_COLUMNS + 15)
#define ADDRESS_MAX  40		/* columns; further columns of a wide terminal go to the reply */

struct list {
	struct tool *t;
	size_t sender, rcpt, reply;	/* columns; reply 0: no limit */
	uint64_t shown, octets;
	int64_t oldest_us;		/* arrival; 0: none */
};

static void
put_gap(void)
{
	(void)fputc(' ', stdout);
}

static void
lay_out(struct list *l)
{
	size_t columns = l->t->columns < NARROWEST ? NARROWEST : l->t->columns;
	size_t free_columns = columns - FIXED_COLUMNS;

	l->sender = l->rcpt = free_columns / 3;
	if (l->sender > ADDRESS_MAX)
		l->sender = l->rcpt = ADDRESS_MAX;
	l->reply = free_columns - l->sender - l->rcpt;
}

static void
put_address(const struct list *l, struct slice address, size_t columns)
{
	if (l->t->wide && text_width(address) > columns)
		text_put(stdout, address);
	else
		text_column(stdout, address, columns);
	put_gap();
}

static void
put_reply(const struct list *l, struct slice reply)
{
	if (l->t->wide || text_width(reply) <= l->reply)
		text_put(stdout, reply);
	else
		text_column(stdout, reply, l->reply);
	(void)fputc('\n', stdout);
}

static void
put_right(struct slice s, size_t columns)
{
	for (size_t n = s.n; n < columns; n++)
		put_gap();
	text_put(stdout, s);
	put_gap();
}

static void
put_next(const struct list *l, const struct queue_spot *spot)
{
	char space[32];
	struct buf b = BUF(space);
	int64_t due_s, left_s;

	if (!tool_due(spot, &due_s)) {
		buf_str(&b, filter_state_name(spot->place));
	} else if ((left_s = due_s - l->t->now_us / 1000000) <= 0) {
		buf_str(&b, "due");
	} else {
		buf_str(&b, "in ");
		text_duration(&b, left_s);
	}
	text_column(stdout, buf_slice(&b), NEXT_COLUMNS);
	put_gap();
}

/* The pending recipient, or their number. */
static void
put_rcpt(const struct list *l, const struct queue_entry *e)
{
	char space[40];
	struct buf b = BUF(space);
	struct slice text = e->rcpts[0].path;
	size_t pending = 0;

	for (size_t i = 0; i < e->nrcpts; i++) {
		if (e->rcpts[i].state != QUEUE_PENDING)
			continue;
		text = e->rcpts[i].path;
		pending++;
	}
	if (pending > 1 || (pending == 0 && e->nrcpts > 1)) {
		buf_uint(&b, pending ? pending : e->nrcpts);
		buf_str(&b, " recipients");
		text = buf_slice(&b);
	}
	put_address(l, text, l->rcpt);
}

static void
put_row(const struct list *l, const struct queue_spot *spot, const struct queue_entry *e)
{
	char age[16], size[16], *log = NULL;
	struct buf a = BUF(age), s = BUF(size);
	struct slice reply = { 0 };
	size_t log_size;

	if (queue_log(e, &log, &log_size) == 0)
		reply = tool_last_reply(slice_of(log, log_size));
	text_duration(&a, (l->t->now_us - e->arrived_us) / 1000000);
	text_octets(&s, e->content_size);
	text_column(stdout, slice_str(spot->id), QUEUE_ID_LEN);
	put_gap();
	put_right(buf_slice(&a), AGE_COLUMNS);
	put_right(buf_slice(&s), SIZE_COLUMNS);
	put_next(l, spot);
	put_address(l, e->from.n ? e->from : SL("<>"), l->sender);
	put_rcpt(l, e);
	put_reply(l, reply);
	free(log);
}

static void
put_heading(const struct list *l)
{
	text_column(stdout, SL("ID"), QUEUE_ID_LEN);
	put_gap();
	put_right(SL("AGE"), AGE_COLUMNS);
	put_right(SL("SIZE"), SIZE_COLUMNS);
	text_column(stdout, SL("NEXT"), NEXT_COLUMNS);
	put_gap();
	put_address(l, SL("SENDER"), l->sender);
	put_address(l, SL("RECIPIENT"), l->rcpt);
	put_reply(l, SL("LAST REPLY"));
}

/* A file that is not a complete message. */
static void
put_broken(struct list *l, const struct queue_spot *spot, const char *why)
{
	if (l->shown++ == 0 && !l->t->json)
		put_heading(l);
	if (l->t->json) {
		tool_object_broken(spot, why);
	} else {
		text_print(stdout, "%s%*s", spot->id, AGE_COLUMNS + SIZE_COLUMNS + 3, "");
		put_next(l, spot);
		text_print(stdout, "(%s)\n", why);
	}
}

static void
put_message(struct list *l, const struct queue_spot *spot, const struct queue_entry *e)
{
	if (l->shown++ == 0 && !l->t->json && !l->t->ids_only)
		put_heading(l);
	l->octets += e->content_size;
	if (l->oldest_us == 0 || e->arrived_us < l->oldest_us)
		l->oldest_us = e->arrived_us;
	if (l->t->ids_only)
		text_print(stdout, "%s\n", spot->id);
	else if (l->t->json)
		tool_object(spot, e, l->t->now_us);
	else
		put_row(l, spot, e);
}

static int
list_one(void *ctx, const struct queue_spot *spot)
{
	struct list *l = ctx;
	struct queue_entry e;
	int r;

	if (l->t->ids_only && !filter_reads(&l->t->filter)) {
		text_print(stdout, "%s\n", spot->id);
		return tool_output_broken() ? 1 : 0;
	}
	r = queue_look(spot, &e);
	if (r == 0) {
		if (filter_matches(&l->t->filter, &e, l->t->now_us))
			put_message(l, spot, &e);
		queue_unload(&e);
	} else if (r == -ENOENT) {
		return 0;			/* the message has moved */
	} else if (!filter_reads(&l->t->filter)) {
		put_broken(l, spot, spot->killed ? "kills what reads it" :
		    spot->place == QUEUE_IN_TMP ? "being received" :
		    r == -EBADMSG ? "not a message: see smtp-queue fsck" : strerror(-r));
	}
	return tool_output_broken() ? 1 : 0;
}

static void
put_sum(const struct list *l)
{
	char size[16], age[16];
	struct buf s = BUF(size), a = BUF(age);

	if (l->shown == 0) {
		text_print(stdout, "%s\n",
		    filter_given(&l->t->filter) ? "No message matches." : "The queue is empty.");
		return;
	}
	text_octets(&s, l->octets);
	text_print(stdout, "%llu message%s, %.*s octets", (unsigned long long)l->shown,
	    l->shown == 1 ? "" : "s", (int)s.n, s.p);
	if (l->oldest_us) {
		text_duration(&a, (l->t->now_us - l->oldest_us) / 1000000);
		text_print(stdout, ", the oldest %.*s old", (int)a.n, a.p);
	}
	(void)puts("");
}

int
tool_list(struct tool *t)
{
	struct list l = { .t = t };
	unsigned places;
	int r;

	lay_out(&l);
	places = t->filter.places ? t->filter.places : QUEUE_ANYWHERE;
	if (!t->ids_only || filter_reads(&t->filter))
		places |= QUEUE_TRIED;
	r = queue_walk(&t->queue, places, list_one, &l);
	if (r < 0) {
		tool_complain(t->config.queue.directory, strerror(-r));
		return EX_TEMPFAIL;
	}
	if (r == 0 && !t->json && !t->ids_only)
		put_sum(&l);
	return 0;
}
