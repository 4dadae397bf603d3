// SPDX-License-Identifier: ISC
/*
 * A question above the limits fails, as one that nobody answers.
 */
#include "verify/answers.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/clock.h"

static const struct auth_answer failed = { .status = AUTH_FAILED };

void
answers_begin(struct answers *a, const struct dns_resolver *r, int timeout_ms)
{
	a->n = 0;
	a->until_ms = clock_ms() + timeout_ms;
	a->batch = dns_batch_new(r);
	a->over = !a->batch;
}

static enum dns_type
type_of(enum auth_type type)
{
	static const enum dns_type types[] = {
		[AUTH_A] = DNS_A, [AUTH_AAAA] = DNS_AAAA, [AUTH_MX] = DNS_MX,
		[AUTH_PTR] = DNS_PTR, [AUTH_TXT] = DNS_TXT,
	};

	return types[type];
}

static const struct auth_answer *
find_answer(void *ctx, struct slice name, enum auth_type type)
{
	struct answers *a = ctx;
	struct answers_slot *s;

	for (size_t i = 0; i < a->n; i++) {
		s = &a->slots[i];
		if (s->type == type && slice_ieq(slice_str(s->name), name))
			return s->known ? &s->answer : a->over ? &failed : NULL;
	}
	if (a->over || a->n == ANSWERS_MAX || name.n >= sizeof s->name)
		return &failed;
	s = &a->slots[a->n++];
	*s = (struct answers_slot){ .type = type };
	memcpy(s->name, name.p, name.n);
	s->question = (struct dns_question){ .name = s->name, .type = type_of(type) };
	return NULL;
}

struct auth_dns
answers_dns(struct answers *a)
{
	return (struct auth_dns){ find_answer, a };
}

static void
keep_record(const struct dns_record *from, struct auth_record *to)
{
	const struct sockaddr_storage *ss = &from->address;

	to->text = from->type == DNS_TXT ? slice_str(from->text) :
	    slice_str(from->target);
	if (from->type == DNS_A)
		memcpy(to->address, &((const struct sockaddr_in *)ss)->sin_addr, 4);
	else if (from->type == DNS_AAAA)
		memcpy(to->address, &((const struct sockaddr_in6 *)ss)->sin6_addr, 16);
}

static void
keep_answer(struct answers_slot *s)
{
	static const enum auth_status statuses[] = {
		[DNS_OK] = AUTH_FOUND, [DNS_NODATA] = AUTH_NODATA, [DNS_NXDOMAIN] = AUTH_NXDOMAIN,
		[DNS_SERVFAIL] = AUTH_FAILED, [DNS_TIMEOUT] = AUTH_FAILED,
		[DNS_BAD_NAME] = AUTH_NXDOMAIN,
	};
	const struct dns_question *q = &s->question;

	s->known = true;
	s->answer.status = statuses[q->status];
	if (q->status != DNS_OK || q->nrecords == 0)
		return;
	s->records = calloc(q->nrecords, sizeof *s->records);
	if (!s->records) {
		s->answer.status = AUTH_FAILED;
		return;
	}
	for (size_t i = 0; i < q->nrecords; i++)
		keep_record(&q->records[i], &s->records[i]);
	s->answer.records = s->records;
	s->answer.n = q->nrecords;
}

void
answers_wait(struct answers *a)
{
	const struct dns_question *q;

	if (a->over)
		return;
	for (size_t i = 0; i < a->n; i++)
		if (!a->slots[i].asked)
			a->slots[i].asked = dns_batch_add(a->batch, &a->slots[i].question);
	q = dns_batch_next(a->batch, a->until_ms);
	a->over = !q;
	for (size_t i = 0; q && i < a->n; i++)
		if (&a->slots[i].question == q)
			keep_answer(&a->slots[i]);
}

void
answers_end(struct answers *a)
{
	dns_batch_free(a->batch);
	for (size_t i = 0; i < a->n; i++) {
		free(a->slots[i].records);
		dns_question_done(&a->slots[i].question);
	}
	a->batch = NULL;
	a->n = 0;
	a->over = true;
}
