// SPDX-License-Identifier: ISC
#include "tools/queue/sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "queue/reader.h"
#include "runner/destination.h"
#include "tools/queue/tool.h"

#define WORK (QUEUE_BIT(QUEUE_IN_NEW) | QUEUE_BIT(QUEUE_IN_CUR) | QUEUE_BIT(QUEUE_IN_WAIT))
#define TAIL 6			/* random characters at the end of an ID */
#define RCPTS_MAX 100		/* recipients of a message that are looked at */

struct walk {
	const struct config *config;
	struct sample *sample;
	uint64_t all, most;
	int64_t now_s;
	struct queue_reader reader;	/* of the folder below */
	enum queue_place place;
	int64_t due_s;
};

/* Is the message in the part that is read?  The hash of its random tail is evenly spread. */
static bool
is_chosen(const struct walk *w, const char *id)
{
	const uint64_t h = hash_octets(HASH_START, id + QUEUE_ID_LEN - TAIL, TAIL);

	return w->all <= w->most || (h >> 20) % w->all < w->most;
}

/* The group of a destination; the last one is for all that have no other. */
static struct sample_group *
find_group(struct sample *s, const char *name)
{
	size_t i = 0;

	while (i < s->n && strcmp(s->groups[i].name, name) != 0)
		i++;
	if (i == s->n && s->n < SAMPLE_GROUPS - 1) {
		memcpy(s->groups[s->n++].name, name, strlen(name) + 1);
	} else if (i == s->n) {
		i = SAMPLE_GROUPS - 1;
		s->n = SAMPLE_GROUPS;
	}
	return &s->groups[i];
}

static void
count_message(struct sample *s, struct sample_group *g, const struct queue_entry *e,
    struct slice why, int64_t now_s)
{
	const int64_t then_s = e->arrived_us / 1000000;

	g->messages += s->factor;
	g->ages[tally_class(now_s - then_s)] += s->factor;
	if (g->oldest_s == 0 || then_s < g->oldest_s)
		g->oldest_s = then_s;
	if (why.n == 0 || then_s < g->why_s)
		return;
	if (why.n > sizeof g->why - 1)
		why.n = sizeof g->why - 1;
	memcpy(g->why, why.p, why.n);
	g->why[why.n] = '\0';
	g->why_s = then_s;
}

static void
count_recipients(const struct walk *w, const struct queue_entry *e, struct slice log)
{
	struct sample_group *seen[RCPTS_MAX];
	size_t nseen = 0;

	for (size_t i = 0; i < e->nrcpts && nseen < RCPTS_MAX; i++) {
		char space[SAMPLE_NAME] = "";
		struct buf name = BUF(space);
		struct sample_group *g;
		struct slice domain;
		const struct route *route;
		size_t k = 0;

		if (e->rcpts[i].state != QUEUE_PENDING)
			continue;
		route = destination_route(w->config, e, i, &domain);
		destination_name(&name, route, domain);
		g = find_group(w->sample, name.full || !name.n ? "?" : buf_cstr(&name));
		while (k < nseen && seen[k] != g)
			k++;
		if (k < nseen)
			continue;
		seen[nseen++] = g;
		count_message(w->sample, g, e, tool_last_reply_to(log, e->rcpts[i].path),
		    w->now_s);
	}
}

/* Lets another process read the message first. */
static void
try_message(struct walk *w, struct queue_spot *spot)
{
	char ids[1][QUEUE_ID_SIZE];

	if (spot->place != w->place || spot->due_s != w->due_s)
		queue_reader_end(&w->reader);
	w->place = spot->place;
	w->due_s = spot->due_s;
	memcpy(ids[0], spot->id, sizeof ids[0]);
	queue_reader_try(&w->reader, spot->folder, ids, 1, &spot->killed);
}

static int
read_one(void *ctx, const struct queue_spot *at)
{
	struct walk *w = ctx;
	struct queue_spot spot = *at;
	struct queue_entry e;
	char *log = NULL;
	size_t n = 0;
	int r;

	if (!is_chosen(w, spot.id))
		return 0;
	try_message(w, &spot);
	r = queue_look(&spot, &e);
	if (r < 0) {
		w->sample->broken += r == -ENOENT ? 0 : w->sample->factor;	/* gone: it moved */
		return 0;
	}
	(void)queue_log(&e, &log, &n);
	count_recipients(w, &e, slice_of(log, n));
	free(log);
	queue_unload(&e);
	return 0;
}

static int
by_messages(const void *a, const void *b)
{
	const struct sample_group *x = a, *y = b;

	if (x->messages > y->messages || x->messages < y->messages)
		return x->messages > y->messages ? -1 : 1;
	return strcmp(x->name, y->name);
}

int
sample_take(const struct queue *q, const struct config *c, uint64_t all, uint64_t most,
    struct sample *ret)
{
	const int64_t begin_us = clock_us();
	struct walk w = {
		.config = c, .sample = ret, .all = all, .most = most, .now_s = clock_wall_s(),
	};
	int r;

	*ret = (struct sample){ .factor = all <= most ? 1 : (double)all / (double)most };
	r = queue_walk(q, WORK, read_one, &w);
	queue_reader_end(&w.reader);
	qsort(ret->groups, ret->n, sizeof ret->groups[0], by_messages);
	ret->took_us = clock_us() - begin_us;
	return r;
}
