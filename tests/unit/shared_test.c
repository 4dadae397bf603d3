// SPDX-License-Identifier: ISC
/*
 * The listener's end.  The other end of the socket is in this test, and replies before or after the
 * question.
 */
#include "shared/shared.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/lib/tap.h"

static const struct strangers_limits limits = { { 32, 600, 60, 500, 200 } };
static const struct strangers_key key = { UINT64_C(0xc000020100000000), 32 };
static int other = -1;

static struct shared
begin(enum shared_state state)
{
	int fds[2];

	if (other >= 0)
		(void)close(other);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) < 0)
		return (struct shared)SHARED_NONE;
	other = fds[1];
	return (struct shared){ .state = state, .fd = fds[0] };
}

static void
reply(enum query_answer_kind kind, uint32_t number, enum strangers_limit limit)
{
	unsigned char octets[QUERY_ANSWER_OCTETS];
	const struct query_answer answer = { kind, number, limit };

	query_answer_encode(&answer, octets);
	(void)send(other, octets, sizeof octets, 0);
}

/* The next query, or one of kind 0. */
static struct query
next_query(void)
{
	unsigned char octets[QUERY_OCTETS];
	struct query q = { 0 };
	const ssize_t n = recv(other, octets, sizeof octets, MSG_DONTWAIT);

	(void)(n > 0 && query_parse(octets, (size_t)n, &q));
	return q;
}

static void
check_answers(void)
{
	struct shared s = begin(SHARED_STARTING);
	struct query q;

	reply(QUERY_HERE, 0, 0);
	reply(QUERY_VERDICT, 7, STRANGERS_LOGINS);	/* of another query */
	reply(QUERY_VERDICT, 1, STRANGERS_RATE);
	s.state = SHARED_HERE;
	s.number = 0;
	shared_listen(&s);
	ok(shared_enter(&s, &limits, &key, 2) == STRANGERS_LIMITS && s.state == SHARED_AWAY,
	    "answers before the query count for nothing");
	q = next_query();
	ok(q.kind == QUERY_ENTER && q.open == 2 && q.number == 1 &&
	    next_query().kind == QUERY_HELLO,
	    "a query, and a hello after its time");
	(void)close(s.fd);
}

static void
check_wait(void)
{
	struct shared s = begin(SHARED_HERE);
	int64_t began_ms = clock_ms(), took_ms;

	(void)shared_enter(&s, &limits, &key, 1);
	took_ms = clock_ms() - began_ms;
	ok(s.state == SHARED_AWAY && took_ms >= SHARED_WAIT_MS - 1 && took_ms < 20 * SHARED_WAIT_MS,
	    "it waits for the time and no longer");
	began_ms = clock_ms();
	for (int i = 0; i < 100; i++)
		(void)shared_enter(&s, &limits, &key, 1);
	ok(clock_ms() - began_ms < SHARED_WAIT_MS * 100 / 2, "without an answer it waits once");
	while (next_query().kind != QUERY_OPEN)
		;
	ok(next_query().kind == QUERY_OPEN, "the process learns of all connections");
	reply(QUERY_HERE, 0, 0);
	shared_listen(&s);
	ok(s.state == SHARED_HERE, "and reports that Redis replies");
	reply(QUERY_AWAY, 0, 0);
	shared_listen(&s);
	ok(s.state == SHARED_AWAY, "or not");
	(void)close(s.fd);
}

static void
check_end(void)
{
	struct shared s = begin(SHARED_HERE);

	(void)send(other, "?", 1, 0);
	shared_listen(&s);
	ok(s.state == SHARED_ENDED && s.fd < 0, "garbage ends it");
	s = begin(SHARED_HERE);
	(void)close(other);
	other = -1;
	ok(shared_enter(&s, &limits, &key, 1) == STRANGERS_LIMITS && s.state == SHARED_ENDED,
	    "and so does a hang-up");
	shared_open(&s, &key, 0);
	shared_count(&s, &limits, &key, STRANGERS_LOGINS);
	s = (struct shared)SHARED_NONE;
	ok(shared_enter(&s, &limits, &key, 1) == STRANGERS_LIMITS && s.state == SHARED_OFF,
	    "a machine that shares nothing");
}

static void
check_loss(void)
{
	struct shared s = begin(SHARED_AWAY);
	unsigned n = 0, forgotten = 0;
	struct query q;

	while (!s.lost && n++ < 100000)
		shared_open(&s, &key, n);
	ok(s.lost, "the socket is full");
	while (next_query().kind == QUERY_OPEN)
		;
	shared_open(&s, &key, 5);
	while ((q = next_query()).kind == QUERY_FORGET)
		forgotten++;
	ok(forgotten == 1 && q.kind == QUERY_OPEN && q.open == 5 && !s.lost,
	    "after a loss the process is to forget all");
	(void)close(s.fd);
}

int
main(void)
{
	check_answers();
	check_wait();
	check_end();
	check_loss();
	return tap_done();
}
