// SPDX-License-Identifier: ISC
/*
 * Reports on the hosts of a destination: to people in the transcript, to the sender in the reason
 * of an outcome, and to the table of hosts through the sink.
 */
#include "client/connect.h"

#include "base/clock.h"

void
connect_host_text(const struct order_target *t, char text[300])
{
	char space[64], key[HOST_KEY];
	struct buf b = BUF(space);
	const char *name = t->exchanger->name;
	const struct sockaddr *sa = (const struct sockaddr *)t->address;

	host_key(key, t->address);
	address_text(&b, sa);
	if (slice_eq(slice_str(name), buf_slice(&b)))
		(void)snprintf(text, 300, "%s", key);
	else
		(void)snprintf(text, 300, "%.200s[%.*s]:%u", name, (int)b.n, b.p,
		    (unsigned)address_port(sa));
}

/* "10 mx1.example 192.0.2.1:25 [2001:db8::1]:25, 20 ..." */
void
connect_note_answer(const struct connect *c)
{
	char space[TRANSCRIPT_LINE];
	struct buf b = BUF(space);

	for (size_t i = 0; i < c->mx.n; i++) {
		const struct mx_exchanger *x = &c->mx.exchangers[i];

		buf_fmt(&b, "%s%u %s", i ? ", " : "", x->preference, x->name);
		if (x->naddresses == 0)
			buf_fmt(&b, " (%s)", dns_status_text(x->status));
		for (size_t k = 0; k < x->naddresses; k++) {
			char key[HOST_KEY];

			host_key(key, &x->addresses[k]);
			buf_fmt(&b, " %s", key);
		}
	}
	if (c->mx.status != MX_OK)
		buf_str(&b, c->mx.detail);
	transcript_fact(c->d->transcript, "DNS for %s, after %.1f ms: %.*s", c->d->destination,
	    (double)c->d->times.dns_us / 1000, (int)b.n, b.p);
}

void
connect_note_dial(const struct connect *c, const char *host, const struct dial_target *dialled,
    const char *what)
{
	const double connect_ms = (double)dialled->connect_us / 1000;
	const double waited_ms = (double)dialled->waited_us / 1000;
	const double first_ms = (double)dialled->first_us / 1000;
	struct transcript *t = c->d->transcript;

	if (dialled->state == DIAL_FAILED)
		transcript_fact(t, "%s: %s", host, what);
	else if (dialled->connect_us == 0)
		transcript_fact(t, "%s: not connected after %.1f ms, given up for a faster one",
		    host, waited_ms);
	else if (dialled->state == DIAL_SLOW)
		transcript_fact(t, "%s: connected after %.1f ms, silent after %.1f ms, "
		    "given up for a faster one", host, connect_ms, waited_ms);
	else
		transcript_fact(t, "%s: connected after %.1f ms, first octet after %.1f ms", host,
		    connect_ms, first_ms);
}

void
connect_note_paused(const struct order_target *t, struct buf *b)
{
	char host[300];

	if (t->reason != ORDER_PAUSED)
		return;
	connect_host_text(t, host);
	buf_fmt(b, "%s%s has failed since ", b->n ? "; " : "", host);
	clock_stamp(b, t->since_s);
	buf_str(b, ", next try at ");
	clock_stamp(b, t->until_s);
}

void
connect_report_host(const struct connect *c, const struct order_target *t,
    const struct dial_target *dialled, enum host_event event, enum host_tls tls)
{
	struct host_report r = { .event = event, .tls = tls };

	if (!t)
		return;
	if (dialled) {
		r.connect_us = dialled->connect_us;
		r.first_us = event == HOST_SLOW ? dialled->waited_us : dialled->first_us;
	}
	host_key(r.address, t->address);
	(void)snprintf(r.name, sizeof r.name, "%.63s", t->exchanger->name);
	c->d->sink->host(c->d->sink->ctx, &r);
}

void
connect_report_link(const struct delivery *d, const struct smtp_link *l, enum host_event event)
{
	struct host_report r = { .event = event };

	if (!l->key[0])
		return;
	memcpy(r.address, l->key, sizeof r.address);
	host_report_age(&r, l->opened_ms, clock_ms());
	d->sink->host(d->sink->ctx, &r);
}

void
connect_keep_reason(struct connect *c, enum reason_rank rank, const struct outcome *o)
{
	if (rank < c->rank)
		return;
	c->rank = rank;
	c->why = *o;
}

void
connect_add_tried(struct connect *c, const char *host, const char *what)
{
	struct buf b = c->tried;

	buf_fmt(&b, "%s%s: %s", b.n ? "; " : "", host, what);
	if (!b.full)		/* an entry that does not fit is left out as a whole */
		c->tried = b;
}
