// SPDX-License-Identifier: ISC
/*
 * A hash of messages by ID.  Results of the most frequent kinds are shared, so that a delivered
 * recipient takes no memory of its own.
 */
#include "runner/window.h"

#include <stdlib.h>
#include <string.h>

#include "attempt/owed.h"

struct result window_delivered = { .outcome = { .kind = OUTCOME_DELIVERED }, .noted = true };

/* Delivered in an earlier run that ended before the notice to the sender.  Nothing else is
 * known. */
#define OWED(where) {									\
	.outcome = {									\
		.kind = OUTCOME_DELIVERED, .status = "2.0.0", .reach = (where), .owed = true,	\
	},										\
	.noted = true,									\
}
static struct result owed[NOTICE_KINDS] = {
	[NOTICE_DELIVERED] = OWED(REACH_END),
	[NOTICE_RELAYED] = OWED(REACH_SERVER),
	[NOTICE_EXPANDED] = OWED(REACH_MANY),
};

static bool
is_shared(const struct result *result)
{
	for (size_t i = 0; i < NOTICE_KINDS; i++)
		if (result == &owed[i])
			return true;
	return result == &window_delivered;
}

struct result *
window_result_of_state(char state)
{
	enum notice_kind action;

	return owed_debt(state, &action) ? &owed[action] : &window_delivered;
}

/* The last characters of an ID are random. */
static size_t
id_bucket(const char *id)
{
	size_t h = 0;

	for (size_t i = QUEUE_ID_LEN - 4; i < QUEUE_ID_LEN; i++)
		h = h * 32 + (unsigned char)id[i];
	return h % WINDOW_BUCKETS;
}

struct message *
window_find(const struct window *w, const char *id)
{
	struct message *m = w->buckets[id_bucket(id)];

	while (m && strcmp(m->id, id) != 0)
		m = m->next;
	return m;
}

void
window_result(struct message *m, uint32_t rcpt, const struct outcome *o, bool noted)
{
	struct result *result;

	if (rcpt >= m->nrcpts || m->results[rcpt])
		return;
	if (o->kind == OUTCOME_DELIVERED && !o->owed) {
		m->results[rcpt] = &window_delivered;
		return;
	}
	result = malloc(sizeof *result);
	if (!result) {		/* no result is deferred as local trouble at the end of the job */
		if (o->kind == OUTCOME_DELIVERED)
			m->results[rcpt] = &owed[owed_success(o)];
		return;
	}
	result->outcome = *o;
	result->noted = noted;
	m->results[rcpt] = result;
}

size_t
window_take_back(struct message *m, uint32_t *rcpts, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct result **at = &m->results[rcpts[i]];

		if (*at && !((*at)->outcome.kind == OUTCOME_DEFERRED && (*at)->outcome.everyone))
			continue;
		free(*at);
		*at = NULL;
		rcpts[kept++] = rcpts[i];
	}
	return kept;
}

void
window_wait(struct message *m, struct absent *a)
{
	for (unsigned i = 0; i < m->nwaits; i++)
		if (m->waits[i] == a)
			return;
	if (m->nwaits < WINDOW_WAITS)
		m->waits[m->nwaits++] = absent_share(a);
}

bool
window_room(const struct window *w, bool fresh)
{
	return w->nrcpts < (fresh ? WINDOW_RCPTS : WINDOW_RCPTS_RETRIED);
}

bool
window_room_for(const struct window *w, unsigned rank)
{
	return w->nrcpts < (rank_foreign(rank) ? WINDOW_RCPTS_FOREIGN : WINDOW_RCPTS);
}

struct message *
window_add(struct window *w, const char *id, size_t nrcpts)
{
	struct message *m = calloc(1, sizeof *m), **bucket = &w->buckets[id_bucket(id)];

	if (!m)
		return NULL;
	memcpy(m->id, id, sizeof m->id);
	m->nrcpts = nrcpts;
	m->results = calloc(nrcpts ? nrcpts : 1, sizeof(struct result *));
	m->at = calloc(nrcpts ? nrcpts : 1, sizeof *m->at);
	if (!m->results || !m->at) {
		free(m->results);
		free(m->at);
		free(m);
		return NULL;
	}
	m->next = *bucket;
	*bucket = m;
	w->nmessages++;
	w->nrcpts += nrcpts;
	return m;
}

void
window_forget(struct window *w, struct message *m)
{
	struct message **at = &w->buckets[id_bucket(m->id)];

	while (*at && *at != m)
		at = &(*at)->next;
	if (*at) {
		*at = m->next;
		w->nmessages--;
		w->nrcpts -= m->nrcpts;
	}
	while (m->nwaits)
		absent_drop(&m->waits[--m->nwaits]);
	for (size_t i = 0; m->results && i < m->nrcpts; i++)
		if (!is_shared(m->results[i]))
			free(m->results[i]);
	free(m->results);
	free(m->at);
	free(m->sign_domain);
	free(m);
}
