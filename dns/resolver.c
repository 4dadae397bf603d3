// SPDX-License-Identifier: ISC
/*
 * Asking the servers in turn, round after round, until one gives an answer.  Several questions are
 * asked at once, each with its own socket.
 */
#include "dns/resolver.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "dns/cache.h"
#include "dns/exchange.h"
#include "dns/name.h"

#define HOPS_MAX 8		/* CNAMEs followed from packet to packet */

struct asking {
	const struct dns_resolver *r;
	struct dns_question *q;
	char name[DNS_NAME_MAX];	/* name of q, later the target of its CNAMEs */
	unsigned hops;
	size_t first;			/* the server asked first */
	unsigned tries;			/* failed tries; each goes to the next server */
	bool silent;			/* a server did not answer */
	size_t server;
	bool edns;			/* this server understands EDNS, as far as we know */
	bool refused;			/* a server replied SERVFAIL or a similar error */
	struct wire_query query;
	struct exchange x;
};

static void
end_question(struct asking *a, enum dns_status status)
{
	exchange_close(&a->x);
	a->q->status = status;
}

/* Ask the next server that can be reached, from the current try on.  If no try is left, the
 * question ends. */
static void
ask_server(struct asking *a)
{
	unsigned most = (unsigned)a->r->nservers * (unsigned)a->r->attempts;

	exchange_close(&a->x);
	for (; a->tries < most; a->tries++, a->edns = true) {
		a->server = (a->first + a->tries) % a->r->nservers;
		if (wire_query(&a->query, a->name, a->q->type, a->edns) == 0 &&
		    exchange_open(&a->x, a->r, a->server, &a->query, false) == 0)
			return;
		a->silent = true;
	}
	end_question(a, a->refused ? DNS_SERVFAIL : DNS_TIMEOUT);
}

static void
ask_next(struct asking *a)
{
	a->tries++;
	a->edns = true;
	ask_server(a);
}

static void
ask_by_tcp(struct asking *a)
{
	exchange_close(&a->x);
	if (exchange_open(&a->x, a->r, a->server, &a->query, true) < 0)
		ask_next(a);
}

static void
use_reply(struct asking *a, uint8_t *packet, size_t n)
{
	struct dns_question *q = a->q;
	struct wire_answer answer;
	int rcode = wire_rcode(packet);
	bool tcp = a->x.tcp;

	if (wire_answer(packet, n, &answer) < 0) {
		if (!a->refused)
			q->rcode = DNS_USELESS;
		ask_next(a);
		return;
	}
	if (answer.ttl_s < q->ttl_s)
		q->ttl_s = answer.ttl_s;
	if (answer.alias[0]) {
		memcpy(a->name, answer.alias, sizeof a->name);
		if (++a->hops > HOPS_MAX)
			end_question(a, DNS_SERVFAIL);
		else
			ask_server(a);
		return;
	}
	if (answer.status == DNS_SERVFAIL) {
		a->refused = true;
		/* The proper reply of a server that does not recurse. */
		q->rcode = WIRE_REFUSED;
		q->server = a->server;
		ask_next(a);
		return;
	}
	q->rcode = rcode;
	q->via_tcp = tcp;
	q->server = a->server;
	q->records = answer.records;
	q->nrecords = answer.n;
	end_question(a, answer.status);
}

static void
receive_reply(struct asking *a, uint8_t *packet, size_t n)
{
	int rcode = wire_rcode(packet);

	if (wire_truncated(packet) && !a->x.tcp) {
		ask_by_tcp(a);
		return;
	}
	switch (rcode) {
	case WIRE_NOERROR:
	case WIRE_NXDOMAIN:
		use_reply(a, packet, n);
		return;
	case WIRE_FORMERR:
	case WIRE_NOTIMP:
		if (a->edns) {		/* RFC 6891 section 7 */
			a->edns = false;
			ask_server(a);
			return;
		}
		break;
	}
	a->refused = true;
	a->q->rcode = rcode;
	a->q->server = a->server;
	ask_next(a);
}

static void
step_question(struct asking *a, bool ready)
{
	uint8_t packet[DNS_ANSWER_CAP];
	ssize_t n = ready ? exchange_step(&a->x, packet) : 0;

	if (n > 0) {
		receive_reply(a, packet, (size_t)n);
	} else if (n < 0 || clock_left_ms(a->x.end_ms) == 0) {
		a->silent = true;
		ask_next(a);
	}
}

static size_t
first_server(const struct dns_resolver *r)
{
	size_t first = dns_cache_server(r->cache, r);
	uint16_t random;

	if (first == DNS_SERVERS_MAX) {
		first = 0;
		if (r->rotate && getrandom(&random, sizeof random, 0) == (ssize_t)sizeof random)
			first = random % r->nservers;
	}
	return first;
}

static void
begin_question(struct asking *a, const struct dns_resolver *r, struct dns_question *q)
{
	*a = (struct asking){ .r = r, .q = q, .edns = true, .x.fd = -1, .first = first_server(r) };
	q->rcode = 0;
	q->ttl_s = UINT32_MAX;
	q->via_tcp = false;
	q->server = DNS_SERVERS_MAX;
	q->records = NULL;
	q->nrecords = 0;
	if (dns_name_from_text(slice_str(q->name), a->name))
		ask_server(a);
	else
		end_question(a, DNS_BAD_NAME);
}

/* Poll for all open questions and continue those that are ready.  False if none is open. */
static bool
wait_for_any(struct asking *all, size_t n)
{
	struct pollfd fds[DNS_QUESTIONS_MAX];
	int64_t end_ms = INT64_MAX;

	for (size_t i = 0; i < n; i++) {
		fds[i] = (struct pollfd){ .fd = all[i].x.fd, .events = all[i].x.events };
		if (all[i].x.fd >= 0 && all[i].x.end_ms < end_ms)
			end_ms = all[i].x.end_ms;
	}
	if (end_ms == INT64_MAX)
		return false;
	if (poll(fds, (nfds_t)n, clock_left_ms(end_ms)) < 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (all[i].x.fd >= 0)
			step_question(&all[i], fds[i].revents != 0);
	return true;
}

void
dns_ask(const struct dns_resolver *r, struct dns_question *questions, size_t n)
{
	struct asking all[DNS_QUESTIONS_MAX];
	bool known[DNS_QUESTIONS_MAX];

	while (n) {
		size_t some = n < DNS_QUESTIONS_MAX ? n : DNS_QUESTIONS_MAX;

		for (size_t i = 0; i < some; i++) {
			known[i] = dns_cache_get(r->cache, &questions[i]);
			if (known[i])
				all[i] = (struct asking){ .x.fd = -1 };
			else
				begin_question(&all[i], r, &questions[i]);
		}
		while (wait_for_any(all, some))
			continue;
		for (size_t i = 0; i < some; i++) {
			if (questions[i].ttl_s == UINT32_MAX)
				questions[i].ttl_s = 0;
			if (!known[i])
				dns_cache_keep(r->cache, &questions[i], r, all[i].silent);
		}
		questions += some;
		n -= some;
	}
}

void
dns_question_done(struct dns_question *q)
{
	free(q->records);
	q->records = NULL;
	q->nrecords = 0;
}

const char *
dns_status_text(enum dns_status status)
{
	switch (status) {
	case DNS_OK:
		return "found";
	case DNS_NODATA:
		return "no such record";
	case DNS_NXDOMAIN:
		return "NXDOMAIN";
	case DNS_SERVFAIL:
		return "SERVFAIL";
	case DNS_TIMEOUT:
		return "no answer";
	case DNS_BAD_NAME:
		return "not a domain name";
	}
	return "unknown";
}

const char *
dns_question_text(const struct dns_question *q)
{
	if (q->status == DNS_TIMEOUT && q->rcode == DNS_USELESS)
		return "no usable answer";
	if (q->status == DNS_SERVFAIL)
		switch (q->rcode) {
		case WIRE_FORMERR:
			return "FORMERR";
		case WIRE_NOTIMP:
			return "NOTIMP";
		case WIRE_REFUSED:
			return "REFUSED";
		}
	return dns_status_text(q->status);
}
