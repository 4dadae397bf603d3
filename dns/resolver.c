// SPDX-License-Identifier: ISC
/*
 * Asking the servers in turn, round after round, until one gives an answer.  Several questions are
 * asked at once, each with its own socket.
 *
 * A server that does not reply in its usual time is asked again, after the others.  The sockets of
 * the last questions stay open, so a late reply counts too.  A failure makes the next question too.
 * Each server is asked with EDNS and without it in turn: some drop or refuse what they do not know
 * (RFC 6891 section 7).
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
#include "dns/record.h"
#include "dns/validated.h"

#define HOPS_MAX 8		/* CNAMEs followed from packet to packet */
#define OPEN_MAX 4		/* sockets of one question; the oldest is closed for a new one */

struct asked {
	struct exchange x;
	struct wire_query query;
	size_t server;
	bool edns;
};

struct asking {
	const struct dns_resolver *r;
	struct dns_question *q;
	char name[DNS_NAME_MAX];	/* name of q, later the target of its CNAMEs */
	unsigned hops;
	size_t first;			/* the server asked first */
	unsigned turn;			/* each turn goes to the next server */
	unsigned failures;
	bool open;
	bool hurried;			/* end_ms is near, as another question has its answer */
	bool silent;			/* a server did not answer in time */
	bool cut;			/* a truncated reply came; the fault is that of TCP */
	int fault;			/* errno of the last server that failed; 0: none did */
	size_t fault_server;
	bool refused;			/* a server replied SERVFAIL or a similar error */
	bool unproven;			/* a reply was used that is not validated */
	unsigned plain;			/* bits of servers: ask without EDNS next */
	unsigned failed_edns;		/* bits of servers: a question with EDNS had no answer */
	unsigned empty;			/* bits of servers: replied with nothing */
	int64_t next_ms;		/* time of the next turn */
	int64_t end_ms;
	struct asked asked[OPEN_MAX];
	size_t nasked;			/* questions so far; the place is nasked % OPEN_MAX */
};

static const struct servers *
known_servers(const struct dns_resolver *r)
{
	return r->cache ? &r->cache->servers : NULL;
}

static void
close_all(struct asking *a)
{
	for (size_t i = 0; i < OPEN_MAX; i++)
		exchange_close(&a->asked[i].x);
}

static void
end_question(struct asking *a, enum dns_status status)
{
	close_all(a);
	a->open = false;
	a->q->status = status;
}

/* Keep the reason for which a server cannot be asked.  A reply by UDP shows that it is there, so
 * the reason why TCP fails is the one to mend. */
static void
note_fault(struct asking *a, size_t server, bool tcp, int error)
{
	if (a->cut && !tcp)
		return;
	a->fault = -error;
	a->fault_server = server;
}

/* If no server could be asked, that is more to know than that none replied. */
static void
explain_silence(const struct asking *a)
{
	struct buf b = BUF(a->q->why);

	if (!a->fault || a->refused || a->q->rcode)
		return;
	buf_str(&b, a->cut ? "its answer is truncated, and TCP to the name server fails: " : "");
	address_text(&b, (const struct sockaddr *)&a->r->servers[a->fault_server]);
	buf_str(&b, a->cut ? ": " : " cannot be asked: ");
	buf_str(&b, strerror(a->fault));
	(void)buf_cstr(&b);
}

static void
give_up(struct asking *a)
{
	explain_silence(a);
	end_question(a, a->refused ? DNS_SERVFAIL : DNS_TIMEOUT);
}

/* Send the question to a server, in the form that is its turn.  0 or -errno. */
static int
send_question(struct asking *a, size_t server)
{
	struct asked *to = &a->asked[a->nasked++ % OPEN_MAX];
	int r;

	exchange_close(&to->x);
	to->server = server;
	to->edns = !(a->plain & 1U << server);
	a->plain ^= 1U << server;
	r = wire_query(&to->query, a->name, a->q->type, to->edns);
	if (r == 0 && a->r->trust_ad)
		to->query.octets[3] |= WIRE_AD;		/* RFC 6840 section 5.7 */
	return r < 0 ? r : exchange_open(&to->x, a->r, server, &to->query, a->r->use_tcp);
}

/* The time to wait for this turn: longer with each round, because the path may be full. */
static int
turn_ms(const struct asking *a, size_t server)
{
	const unsigned round = a->turn / (unsigned)a->r->nservers;
	int wait_ms = servers_wait_ms(known_servers(a->r), &a->r->servers[server]);

	if (a->r->use_tcp)
		return a->r->timeout_ms;
	for (unsigned i = 0; i < round && wait_ms < SERVERS_WAIT_MAX_MS; i++)
		wait_ms *= 2;
	if (wait_ms > SERVERS_WAIT_MAX_MS)
		wait_ms = SERVERS_WAIT_MAX_MS;
	return wait_ms < a->r->timeout_ms ? wait_ms : a->r->timeout_ms;
}

/* Ask the server whose turn it is, or the next one that can be reached.  The turn began at
 * from_ms. */
static void
ask_server(struct asking *a, int64_t from_ms)
{
	const unsigned most = (unsigned)a->r->nservers * (unsigned)a->r->attempts;

	for (; a->failures < most; a->failures++, a->turn++) {
		const size_t server = (a->first + a->turn) % a->r->nservers;
		const int error = send_question(a, server);

		if (error == 0) {
			a->next_ms = from_ms + turn_ms(a, server);
			return;
		}
		note_fault(a, server, a->r->use_tcp, error);
		a->silent = true;
	}
	give_up(a);
}

static void
ask_next(struct asking *a)
{
	a->failures++;
	a->turn++;
	ask_server(a, clock_ms());
}

/* Ask the same server again over TCP. */
static void
ask_by_tcp(struct asking *a, struct asked *of)
{
	int error;

	exchange_close(&of->x);
	error = exchange_open(&of->x, a->r, of->server, &of->query, true);
	a->cut = true;
	/* The fault of a connection that is never made. */
	note_fault(a, of->server, true, error < 0 ? error : -ETIMEDOUT);
	if (error < 0)
		ask_next(a);
	else
		a->next_ms = clock_ms() + a->r->timeout_ms;
}

static void
keep_answer(struct asking *a, const struct asked *of, int rcode, const struct wire_answer *answer)
{
	struct dns_question *q = a->q;

	q->rcode = rcode;
	q->via_tcp = of->x.tcp;
	q->server = of->server;
	q->took_ms = of->x.tcp ? -1 : (int)(clock_ms() - of->x.start_ms);
	q->plain = !of->edns && (a->failed_edns & 1U << of->server);
	q->records = answer->records;
	q->nrecords = answer->n;
	memcpy(q->canonical, answer->canonical, sizeof q->canonical);
	if (a->r->trust_ad)
		q->trust = a->unproven ? DNS_INSECURE : DNS_SECURE;
	end_question(a, answer->status);
}

/* The reply has no record at all.  That is no statement about the name, and asking that server
 * again is useless. */
static void
use_empty(struct asking *a, size_t server)
{
	if (!a->refused)
		a->q->rcode = DNS_USELESS;
	a->q->server = server;
	a->empty |= 1U << server;
	if (a->empty == (1U << a->r->nservers) - 1)
		give_up(a);
	else
		ask_next(a);
}

static void
use_reply(struct asking *a, struct asked *of, uint8_t *packet, size_t n)
{
	struct dns_question *q = a->q;
	struct wire_answer answer;
	const int rcode = wire_rcode(packet, n);

	if (wire_answer(packet, n, &answer) < 0) {
		if (!a->refused)
			q->rcode = DNS_USELESS;
		exchange_close(&of->x);
		ask_next(a);
		return;
	}
	if (answer.ttl_s < q->ttl_s)
		q->ttl_s = answer.ttl_s;
	/* On the way from another host, anybody could have set AD (RFC 4035 section 4.9.3). */
	a->unproven |= !wire_validated(packet) ||
	    !address_is_loopback(&a->r->servers[of->server]);
	if (answer.alias[0]) {
		memcpy(a->name, answer.alias, sizeof a->name);
		close_all(a);
		a->plain ^= 1U << of->server;	/* again in the form that had a reply */
		if (++a->hops > HOPS_MAX)
			end_question(a, DNS_SERVFAIL);
		else
			ask_server(a, clock_ms());
		return;
	}
	switch (answer.status) {
	case DNS_TIMEOUT:
		exchange_close(&of->x);
		use_empty(a, of->server);
		return;
	case DNS_SERVFAIL:
		exchange_close(&of->x);
		a->refused = true;
		/* The proper reply of a server that does not recurse. */
		q->rcode = WIRE_REFUSED;
		q->server = of->server;
		ask_next(a);
		return;
	default:
		keep_answer(a, of, rcode, &answer);
	}
}

static void
receive_reply(struct asking *a, struct asked *of, uint8_t *packet, size_t n)
{
	const int rcode = wire_rcode(packet, n);

	if (wire_truncated(packet) && !of->x.tcp) {
		ask_by_tcp(a, of);
		return;
	}
	if (rcode == WIRE_NOERROR || rcode == WIRE_NXDOMAIN) {
		use_reply(a, of, packet, n);
		return;
	}
	exchange_close(&of->x);
	a->refused = true;
	a->q->rcode = rcode;
	a->q->server = of->server;
	if (!of->edns) {
		ask_next(a);
		return;
	}
	a->failed_edns |= 1U << of->server;
	a->plain |= 1U << of->server;
	if (send_question(a, of->server) < 0)
		ask_next(a);
	else
		a->next_ms = clock_ms() + turn_ms(a, of->server);
}

/* A server that ignores the size which we offer by UDP may cut its reply by TCP. */
static void
use_large(struct asking *a, struct asked *of)
{
	if (!of->x.tcp) {
		ask_by_tcp(a, of);
		return;
	}
	exchange_close(&of->x);
	if (!a->refused)
		a->q->rcode = DNS_TOO_LARGE;
	a->q->server = of->server;
	ask_next(a);
}

static void
step_asked(struct asking *a, struct asked *of)
{
	uint8_t packet[DNS_ANSWER_CAP];
	ssize_t n = exchange_step(&of->x, packet);

	if (n > 0) {
		receive_reply(a, of, packet, (size_t)n);
	} else if (n == -EMSGSIZE) {
		use_large(a, of);
	} else if (n < 0) {
		note_fault(a, of->server, of->x.tcp, (int)n);
		exchange_close(&of->x);
		a->silent = true;
		ask_next(a);
	}
}

/* Begin the next turn if its time has come. */
static void
step_turn(struct asking *a)
{
	const struct asked *last = &a->asked[(a->nasked - 1) % OPEN_MAX];

	if (clock_left_ms(a->next_ms) > 0)
		return;
	if (a->nasked == 0) {
		ask_server(a, a->next_ms);
		return;
	}
	a->silent = true;
	if (last->edns)
		a->failed_edns |= 1U << last->server;
	if (a->next_ms >= a->end_ms) {
		give_up(a);
		return;
	}
	a->turn++;
	ask_server(a, a->next_ms);
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
	*a = (struct asking){ .r = r, .q = q, .first = first_server(r), .open = true };
	for (size_t i = 0; i < OPEN_MAX; i++)
		a->asked[i].x.fd = -1;
	for (size_t i = 0; i < r->nservers; i++)
		a->plain |= (unsigned)servers_plain(known_servers(r), &r->servers[i]) << i;
	q->ttl_s = UINT32_MAX;
	a->next_ms = clock_ms();
	if (r->cache)
		a->next_ms += servers_turn_ms(&r->cache->servers, &r->servers[a->first]);
	a->end_ms = a->next_ms + (int64_t)r->timeout_ms * r->attempts * (int64_t)r->nservers;
	if (!dns_name_from_text(slice_str(q->name), a->name))
		end_question(a, DNS_BAD_NAME);
	else
		step_turn(a);
}

/* Poll for all open questions, at most until then, and continue those that are ready.  False if
 * none is open. */
static bool
wait_for_any(struct asking *all, size_t n, int64_t until_ms)
{
	struct pollfd fds[DNS_BATCH_MAX * OPEN_MAX];
	int64_t end_ms = INT64_MAX;

	for (size_t i = 0; i < n; i++) {
		struct asking *a = &all[i];

		for (size_t k = 0; k < OPEN_MAX; k++)
			fds[i * OPEN_MAX + k] = (struct pollfd){
				.fd = a->open ? a->asked[k].x.fd : -1,
				.events = a->open ? a->asked[k].x.events : 0,
			};
		if (a->open && a->next_ms > a->end_ms)
			a->next_ms = a->end_ms;
		if (a->open && a->next_ms < end_ms)
			end_ms = a->next_ms;
	}
	if (end_ms == INT64_MAX)
		return false;
	if (end_ms > until_ms)
		end_ms = until_ms;
	if (poll(fds, (nfds_t)(n * OPEN_MAX), clock_left_ms(end_ms)) < 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		struct asking *a = &all[i];

		for (size_t k = 0; k < OPEN_MAX; k++)
			if (a->open && fds[i * OPEN_MAX + k].revents &&
			    a->asked[k].x.fd == fds[i * OPEN_MAX + k].fd)
				step_asked(a, &a->asked[k]);
		if (a->open)
			step_turn(a);
	}
	return true;
}

/* A question has its answer; known: from the cache. */
static void
finish_question(const struct dns_resolver *r, struct dns_question *q, bool known, bool silent)
{
	if (q->ttl_s == UINT32_MAX)
		q->ttl_s = 0;
	if (!known)
		dns_cache_keep(r->cache, q, r, silent);
}

static void
clear_answer(struct dns_question *q)
{
	*q = (struct dns_question){
		.name = q->name, .type = q->type, .took_ms = -1, .server = DNS_SERVERS_MAX,
	};
}

/* End questions for AAAA soon whose host has addresses of A by now. */
static void
hurry(struct asking *all, const struct dns_question *questions, size_t n)
{
	const int64_t end_ms = clock_ms() + DNS_AAAA_DELAY_MS;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; all[i].open && !all[i].hurried && k < n; k++) {
			if (all[k].open || !dns_follows(&questions[i], &questions[k]))
				continue;
			all[i].hurried = true;
			if (end_ms < all[i].end_ms)
				all[i].end_ms = end_ms;
		}
}

/* Ask at most DNS_QUESTIONS_MAX questions. */
static void
ask_some(const struct dns_resolver *r, struct dns_question *questions, size_t n)
{
	struct asking all[DNS_QUESTIONS_MAX];
	bool known[DNS_QUESTIONS_MAX] = { false };

	for (size_t i = 0; i < n; i++)
		clear_answer(&questions[i]);
	if (r->validator)
		validated_ask(r, questions, n, known);
	for (size_t i = 0; i < n; i++) {
		known[i] = known[i] || dns_cache_get(r->cache, &questions[i]);
		if (known[i])
			all[i].open = all[i].silent = false;
		else
			begin_question(&all[i], r, &questions[i]);
	}
	do
		hurry(all, questions, n);
	while (wait_for_any(all, n, INT64_MAX));
	for (size_t i = 0; i < n; i++)
		finish_question(r, &questions[i], known[i], all[i].silent);
}

void
dns_ask(const struct dns_resolver *r, struct dns_question *questions, size_t n)
{
	while (n) {
		const size_t some = n < DNS_QUESTIONS_MAX ? n : DNS_QUESTIONS_MAX;

		ask_some(r, questions, some);
		questions += some;
		n -= some;
	}
}

struct dns_batch {
	const struct dns_resolver *r;
	size_t n;			/* slots that were used */
	struct batch_slot {
		bool used, known;
	} slots[DNS_BATCH_MAX];
	struct asking all[DNS_BATCH_MAX];
};

struct dns_batch *
dns_batch_new(const struct dns_resolver *r)
{
	struct dns_batch *b = malloc(sizeof *b);

	if (b) {
		b->r = r;
		b->n = 0;
	}
	return b;
}

bool
dns_batch_add(struct dns_batch *b, struct dns_question *q)
{
	size_t i = 0;

	while (i < b->n && b->slots[i].used)
		i++;
	if (i == DNS_BATCH_MAX)
		return false;
	b->n += i == b->n;
	clear_answer(q);
	b->slots[i] = (struct batch_slot){ true, dns_cache_get(b->r->cache, q) };
	if (b->slots[i].known)
		b->all[i] = (struct asking){ .q = q };
	else
		begin_question(&b->all[i], b->r, q);
	return true;
}

struct dns_question *
dns_batch_next(struct dns_batch *b, int64_t until_ms)
{
	for (;;) {
		for (size_t i = 0; i < b->n; i++) {
			struct asking *a = &b->all[i];

			if (!b->slots[i].used || a->open)
				continue;
			b->slots[i].used = false;
			finish_question(b->r, a->q, b->slots[i].known, a->silent);
			return a->q;
		}
		if (clock_left_ms(until_ms) == 0 || !wait_for_any(b->all, b->n, until_ms))
			return NULL;
	}
}

void
dns_batch_free(struct dns_batch *b)
{
	for (size_t i = 0; b && i < b->n; i++)
		if (b->all[i].open)
			close_all(&b->all[i]);
	free(b);
}

void
dns_question_done(struct dns_question *q)
{
	records_free(q->records, q->nrecords);
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
	static const struct {
		int rcode;
		const char *text;
	} codes[] = {
		{ WIRE_FORMERR, "FORMERR" },
		{ WIRE_NOTIMP, "NOTIMP" },
		{ WIRE_REFUSED, "REFUSED" },
		{ WIRE_BADVERS, "BADVERS" },
		{ WIRE_BADCOOKIE, "BADCOOKIE" },
	};

	if (q->why[0])
		return q->why;
	if (q->status == DNS_TIMEOUT && q->rcode == DNS_USELESS)
		return "no usable answer";
	if (q->status == DNS_TIMEOUT && q->rcode == DNS_TOO_LARGE)
		return "an answer above 16 KiB";
	for (size_t i = 0; q->status == DNS_SERVFAIL && i < sizeof codes / sizeof codes[0]; i++)
		if (codes[i].rcode == q->rcode)
			return codes[i].text;
	return dns_status_text(q->status);
}
