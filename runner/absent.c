// SPDX-License-Identifier: ISC
/*
 * Mail that waits for a host, and what is heard of hosts: a message that met nobody at home is listed for each address that was
 * tried, and comes as soon as something else gets through there.  No I/O but the queue's.
 */
#include "runner/internal.h"

#include <stdlib.h>

#include "queue/by_host.h"

#define HOSTS_EACH 4		/* addresses that one message is listed for */
#define BATCH      64		/* messages that come at a time */

/* Addresses nobody answered at, as one destination has found out.  Shared with the messages that met that. */
struct absent {
	unsigned users;
	unsigned n;
	char host[HOSTS_EACH][HOST_KEY];
};

static bool
names(const struct absent *a, const char *host)
{
	for (unsigned i = 0; a && i < a->n; i++)
		if (strcmp(a->host[i], host) == 0)
			return true;
	return false;
}

void
absent_drop(struct absent **a)
{
	if (*a && --(*a)->users == 0)
		free(*a);
	*a = NULL;
}

static void
note_absence(struct destination *d, const char *host)
{
	if (!d->absent && (d->absent = calloc(1, sizeof *d->absent)))
		d->absent->users = 1;
	if (d->absent && d->absent->n < HOSTS_EACH && !names(d->absent, host))
		memcpy(d->absent->host[d->absent->n++], host, HOST_KEY);
}

/* Its mail is to come, and finds destinations alive that were dead for want of it. */
static void
is_back(struct runner *r, const char *host)
{
	for (size_t i = 0; i < RUNNER_BUCKETS; i++)
		for (struct destination *d = r->destinations[i]; d; d = d->next)
			if (names(d->absent, host)) {
				d->dead_until_ms = 0;
				destination_update(r, d);
			}
	for (unsigned i = 0; i < r->nback; i++)
		if (strcmp(r->back[i], host) == 0)
			return;
	if (r->nback < RUNNER_BACK)		/* else its mail comes when it is due */
		memcpy(r->back[r->nback++], host, HOST_KEY);
}

void
absent_heard(struct runner *r, struct destination *d, struct host_report *report)
{
	const struct host *host;

	report->address[sizeof report->address - 1] = report->name[sizeof report->name - 1] = '\0';
	host = hosts_find(&r->hosts, report->address);
	if (report->event == HOST_FAILED || report->event == HOST_RESTING)
		note_absence(d, report->address);
	else if (report->event == HOST_PROVEN && host && host->failures)
		is_back(r, report->address);
	if (report->event == HOST_PROVEN)
		absent_drop(&d->absent);
	hosts_learn(&r->hosts, report, runner_now_s());
}

void
absent_note(struct message *m, const struct destination *d, const struct outcome *o)
{
	if (o->cause != CAUSE_CONNECT || !d->absent)
		return;
	for (unsigned i = 0; i < m->nwaits; i++)
		if (m->waits[i] == d->absent)
			return;
	if (m->nwaits == MESSAGE_WAITS)
		return;
	d->absent->users++;
	m->waits[m->nwaits++] = d->absent;
}

void
absent_forget(struct message *m)
{
	while (m->nwaits)
		absent_drop(&m->waits[--m->nwaits]);
}

void
absent_list(struct runner *r, const struct message *m, int64_t due_s)
{
	for (unsigned i = 0; i < m->nwaits; i++) {
		const struct absent *a = m->waits[i];

		/* Only for hosts that are in the table, which is bounded: without an entry none would ever count as back. */
		for (unsigned k = 0; k < a->n; k++)
			if (hosts_find(&r->hosts, a->host[k]))
				(void)queue_by_host_add(r->queue, a->host[k], due_s, m->id);
	}
}

bool
absent_ready(const struct runner *r)
{
	return r->nback && runner_room(r, false);
}

static bool
add(void *ctx, const char *id)
{
	runner_add(ctx, id);
	return true;
}

void
absent_turn(struct runner *r)
{
	int n;

	if (!absent_ready(r))
		return;
	n = queue_by_host_take(r->queue, r->back[0], BATCH, add, r);
	if (n < 0)
		r->hooks->trouble(r->ctx, "cannot release the mail that waits for a host", "", n);
	if (n > 0)
		return;
	r->nback--;
	memmove(r->back[0], r->back[1], r->nback * sizeof r->back[0]);
}
