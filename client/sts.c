// SPDX-License-Identifier: ISC
/*
 * A policy that holds is obeyed whatever the DNS and the web server say now (RFC 8461 section 5.1).
 * Without one, a server that cannot be reached holds no mail up: an attacker could as well deny the
 * record.
 */
#include "client/sts.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/name.h"
#include "fetch/fetcher.h"
#include "fetch/store.h"

#define FETCH_MS   65000	/* smtp-fetch ends after 60 seconds */
#define REFRESH_MS 10000	/* with a policy that holds */
#define RECORD_MS  2000		/* for the record, after the exchangers are known */

struct sts {
	bool asked;
	bool announced;			/* the DNS has its record */
	bool failing;			/* the DNS or the web server gave no answer */
	struct dns_batch *batch;	/* has the question for the record; NULL: it is not asked */
	struct dns_question question;
	char name[DNS_NAME_MAX];
	bool can_fetch;			/* pair is open */
	struct fetcher_pair pair;
	struct buf text;
	struct sts_record record;	/* borrows from text */
	char space[STS_RECORD_MAX];
};

static bool
may_have_policy(const struct delivery *d)
{
	const enum relay_tls tls = d->config->relay.tls;

	return d->config->relay.mta_sts != RELAY_STS_OFF && way_of(d->route->via)->by_domain &&
	    d->route->tls == RELAY_TLS_UNSET && tls != RELAY_TLS_NONE &&
	    name_is_domain(slice_str(d->destination));
}

void
sts_begin(struct delivery *d)
{
	static struct sts sts;
	int folder;

	if (!may_have_policy(d))
		return;
	sts.text = (struct buf)BUF(sts.space);
	folder = store_open(d->config->queue.directory, false);
	if (folder >= 0 &&
	    !store_read(folder, slice_str(d->destination), &sts.text, &sts.record))
		sts.record = (struct sts_record){ .id = SL("") };
	if (folder >= 0)
		(void)close(folder);
	sts.can_fetch = d->fetcher && fetcher_pair(&sts.pair) == 0;
	d->sts = &sts;
}

void
sts_ask(const struct delivery *d)
{
	struct sts *s = d->sts;

	if (!s || s->asked || s->batch || !s->can_fetch ||
	    snprintf(s->name, sizeof s->name, "_mta-sts.%s", d->destination) >=
	    (int)sizeof s->name)
		return;
	s->question = (struct dns_question){ .name = s->name, .type = DNS_TXT };
	s->batch = dns_batch_new(d->resolver);
	if (s->batch)
		(void)dns_batch_add(s->batch, &s->question);
}

/* The id that the DNS has; empty: it announces no policy, or does not answer in time. */
static void
take_id(struct sts *s, char ret[STS_ID_MAX + 1])
{
	const struct dns_question *q = &s->question;
	const bool answered = s->batch && dns_batch_next(s->batch, clock_ms() + RECORD_MS);
	const struct slice id = sts_announced(q->records, q->nrecords);

	s->failing = s->batch && !(answered && (q->status == DNS_OK || q->status == DNS_NODATA ||
	    q->status == DNS_NXDOMAIN));
	(void)snprintf(ret, STS_ID_MAX + 1, "%.*s", (int)id.n, id.n ? id.p : "");
	dns_batch_free(s->batch);
	s->batch = NULL;
	dns_question_done(&s->question);
}

/* Use the file that a fetch has left in place of the old record. */
static void
take_file(struct sts *s, int fd)
{
	static char space[STS_RECORD_MAX];
	const ssize_t n = read(fd, space, sizeof space);
	struct sts_record new;

	(void)close(fd);
	if (n <= 0 || !sts_record_read(slice_of(space, (size_t)n), &new))
		return;
	memcpy(s->space, space, (size_t)n);
	(void)sts_record_read(slice_of(s->space, (size_t)n), &s->record);
}

static void
look(const struct delivery *d)
{
	const int64_t now_s = clock_wall_s();
	struct sts *s = d->sts;
	char id[STS_ID_MAX + 1];
	int fd;

	s->asked = true;
	take_id(s, id);
	s->announced = id[0];
	if (!s->can_fetch)
		return;
	s->failing |= id[0] && !sts_record_live(&s->record, now_s);
	if (!sts_record_due(&s->record, slice_str(id), now_s))
		return;
	fd = fetcher_ask(d->fetcher, &s->pair, slice_str(d->destination),
	    sts_record_live(&s->record, now_s) ? REFRESH_MS : FETCH_MS);
	if (fd >= 0)
		take_file(s, fd);
	s->failing &= !sts_record_live(&s->record, now_s);
	if (fd < 0)
		transcript_fact(d->transcript, "MTA-STS: the policy of %s was not fetched",
		    d->destination);
	if (s->record.failed_s)
		transcript_fact(d->transcript, "MTA-STS: the last fetch failed: %.*s",
		    (int)s->record.reason.n, s->record.reason.p);
}

const struct sts_record *
sts_kept(const struct delivery *d)
{
	return &d->sts->record;
}

const struct sts_record *
sts_find(const struct delivery *d)
{
	struct sts *s = d->sts;

	if (!s)
		return NULL;
	if (!s->asked)
		look(d);
	return sts_record_live(&s->record, clock_wall_s()) ? &s->record : NULL;
}

const struct sts_record *
sts_failed(const struct delivery *d)
{
	const struct sts_record *r = d->sts ? &d->sts->record : NULL;

	return r && r->failed_s && (d->sts->announced || sts_record_live(r, clock_wall_s())) ?
	    r : NULL;
}

bool
sts_failing(const struct delivery *d)
{
	return d->sts && d->sts->failing;
}

bool
sts_forbids(const struct sts_policy *p, const struct mx_exchanger *x,
    const struct exchanger_tls *published)
{
	const bool by_dane = published && (published->dane.verdict == DANE_MATCH ||
	    published->dane.verdict == DANE_ENCRYPT);

	return !by_dane && !sts_allows(p, slice_str(x->name));
}
