// SPDX-License-Identifier: ISC
/*
 * The validator gives each question an answer within its own time limit.  If it does not, it has
 * died: the question has failed then, because an answer without validation would be a downgrade.
 */
#include "dns/validated.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "dns/reason.h"
#include "dns/unvalidated.h"
#include "dns/validator.h"

struct waiting {
	struct wire_query query;
	bool open;
	int64_t end_ms;		/* monotonic: it is given up then; 0: not before the others */
};

static void
fail_question(struct dns_question *q, const char *why)
{
	struct buf b = BUF(q->why);

	q->status = DNS_SERVFAIL;
	buf_str(&b, why);
	(void)buf_cstr(&b);
}

/* The reply is SERVFAIL or another error: the reason decides. */
static void
use_failure(struct dns_question *q, const uint8_t *packet, size_t n)
{
	char why[DNS_WHY_MAX];
	struct buf b = BUF(q->why);

	q->status = DNS_SERVFAIL;
	switch (reason_get(packet, n, why)) {
	case REASON_BOGUS:
		q->trust = DNS_BOGUS;
		buf_str(&b, "bogus by DNSSEC: ");
		break;
	case REASON_SILENT:
		q->status = DNS_TIMEOUT;
		break;
	}
	buf_add(&b, slice_of(why, b.n + strlen(why) < b.cap ? strlen(why) : b.cap - b.n - 1));
	(void)buf_cstr(&b);
}

static void
use_answer(struct dns_question *q, uint8_t *packet, size_t n)
{
	struct wire_answer answer;

	q->rcode = wire_rcode(packet, n);
	if (q->rcode != WIRE_NOERROR && q->rcode != WIRE_NXDOMAIN) {
		use_failure(q, packet, n);
		return;
	}
	if (wire_answer(packet, n, &answer) < 0) {
		q->rcode = DNS_USELESS;
		fail_question(q, "the answer cannot be used");
		return;
	}
	q->status = answer.status;
	q->ttl_s = answer.ttl_s;
	q->records = answer.records;
	q->nrecords = answer.n;
	memcpy(q->canonical, answer.canonical, sizeof q->canonical);
	if (answer.alias[0])			/* it leads nowhere */
		memcpy(q->canonical, answer.alias, sizeof q->canonical);
	if (answer.status == DNS_TIMEOUT)	/* the validator cuts off what denies the record */
		q->status = DNS_NODATA;
	q->trust = wire_validated(packet) ? DNS_SECURE : DNS_INSECURE;
}

/* One reply.  False after a hang-up. */
static bool
take_reply(int fd, struct dns_question *questions, struct waiting *all, size_t n, bool *known)
{
	uint8_t packet[DNS_ANSWER_CAP];
	const ssize_t got = recv(fd, packet, sizeof packet, MSG_DONTWAIT);

	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	for (size_t i = 0; i < n; i++) {
		if (!all[i].open || !wire_replies(&all[i].query, packet, (size_t)got))
			continue;
		all[i].open = false;
		known[i] = wire_rcode(packet, (size_t)got) != WIRE_REFUSED;
		if (known[i])
			use_answer(&questions[i], packet, (size_t)got);
		break;
	}
	return true;
}

static bool
any_open(const struct waiting *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].open)
			return true;
	return false;
}

static bool
send_question(int fd, const struct dns_question *q, struct waiting *w)
{
	if (wire_query(&w->query, q->name, q->type, true) < 0)
		return false;
	w->open = true;
	(void)send(fd, w->query.octets, w->query.n, MSG_NOSIGNAL);
	return true;
}

/* When the wait is over: for the first AAAA whose host has addresses, or at end_ms. */
static int64_t
next_end(struct waiting *all, const struct dns_question *questions, size_t n, int64_t end_ms)
{
	const int64_t soon_ms = clock_ms() + DNS_AAAA_DELAY_MS;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; all[i].open && !all[i].end_ms && k < n; k++)
			if (!all[k].open && dns_follows(&questions[i], &questions[k]))
				all[i].end_ms = soon_ms;
		if (all[i].open && all[i].end_ms && all[i].end_ms < end_ms)
			end_ms = all[i].end_ms;
	}
	return end_ms;
}

/* The addresses of A are used alone: their trust is their own, and nothing is concluded from those
 * of AAAA.  A late reply is no reply to a later question. */
static void
end_overdue(struct waiting *all, struct dns_question *questions, size_t n, bool *known)
{
	for (size_t i = 0; i < n; i++) {
		if (!all[i].open || !all[i].end_ms || clock_left_ms(all[i].end_ms) > 0)
			continue;
		all[i].open = false;
		known[i] = true;
		questions[i].status = DNS_TIMEOUT;
	}
}

void
validated_ask(const struct dns_resolver *r, struct dns_question *questions, size_t n, bool *known)
{
	const int64_t end_ms = clock_ms() + VALIDATOR_WAIT_MS;
	struct waiting all[DNS_QUESTIONS_MAX] = { 0 };
	struct pollfd p = { .fd = r->validator, .events = POLLIN };

	for (size_t i = 0; i < n; i++)
		if (!dns_is_private(questions[i].name, r->unvalidated))
			(void)send_question(r->validator, &questions[i], &all[i]);
	while (any_open(all, n) && clock_left_ms(end_ms) > 0) {
		const int64_t next_ms = next_end(all, questions, n, end_ms);

		if (poll(&p, 1, clock_left_ms(next_ms)) > 0 &&
		    !take_reply(r->validator, questions, all, n, known))
			break;
		end_overdue(all, questions, n, known);
	}
	for (size_t i = 0; i < n; i++) {
		if (!all[i].open)
			continue;
		known[i] = true;
		fail_question(&questions[i], "the process that validates has ended");
	}
}
