// SPDX-License-Identifier: ISC
#include "runner/tickets.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/tap.h"

#define ANNA "mx anna.example"
#define BERT "mx bert.example"
#define NOW  1000

static struct tickets t;
static struct ticket found;

/* A ticket of a host by this number. */
static struct ticket
ticket_of(unsigned host, bool own, uint16_t n)
{
	struct ticket ticket = { .kind.own = own, .n = n };

	memcpy(ticket.kind.key, &host, sizeof host);
	memset(ticket.octets, (int)host + 1, n);
	return ticket;
}

static void
put(const char *owner, unsigned host, bool own, uint16_t n, int64_t now_s)
{
	const struct ticket ticket = ticket_of(host, own, n);

	tickets_put(&t, owner, &ticket, now_s);
}

static bool
take(const char *owner, unsigned host, bool own, int64_t now_s)
{
	const struct ticket want = ticket_of(host, own, 0);

	return tickets_take(&t, owner, &want.kind, now_s, &found) && found.n &&
	    found.octets[found.n - 1] == (uint8_t)(host + 1);
}

static void
test_owners(void)
{
	ok(!take(ANNA, 1, false, NOW), "there is none at first");
	put(ANNA, 1, true, 100, NOW);
	ok(!take(BERT, 1, true, NOW) && !take(BERT, 1, false, NOW),
	    "a ticket that verifies is for its destination alone");
	ok(!take(ANNA, 2, true, NOW), "and for its host");
	ok(take(ANNA, 1, true, NOW) && found.n == 100, "there it is found");
	ok(!take(ANNA, 1, true, NOW), "once");
	put(ANNA, 1, false, TICKET_MAX, NOW);
	ok(!take(BERT, 1, true, NOW),
	    "one that verifies nothing is none for a worker that verifies");
	ok(take(BERT, 1, false, NOW) && found.n == TICKET_MAX, "else it is for all");
	put(ANNA, 1, true, 10, NOW);
	put(ANNA, 1, true, 20, NOW);
	ok(take(ANNA, 1, true, NOW) && found.n == 20 && take(ANNA, 1, true, NOW) && found.n == 10,
	    "the last one comes first");
	tickets_done(&t);
}

static void
test_time(void)
{
	put(ANNA, 1, true, 10, NOW);
	put(ANNA, 2, true, 10, NOW);
	ok(take(ANNA, 1, true, NOW + TICKETS_S - 1), "a ticket at the end of its time");
	ok(!take(ANNA, 2, true, NOW + TICKETS_S), "and after it");
	tickets_done(&t);
}

static void
test_spurned(void)
{
	put(ANNA, 1, false, 10, NOW);
	put(ANNA, 1, false, 0, NOW);
	ok(!take(ANNA, 1, false, NOW), "a host that failed with a ticket gets no other");
	put(ANNA, 1, false, 10, NOW + 1);
	ok(!take(ANNA, 1, false, NOW + 1), "also none that it gives later");
	ok(take(BERT, 1, false, NOW + 1), "mail of another destination does not suffer for that");
	put(ANNA, 2, true, 10, NOW + TICKETS_S);
	put(ANNA, 1, false, 10, NOW + TICKETS_S);
	ok(take(ANNA, 1, false, NOW + TICKETS_S), "after a while it is tried again");
	tickets_done(&t);
	put(ANNA, 1, false, 0, NOW);
	put(ANNA, 1, false, 10, NOW + TICKETS_S - 1);
	ok(!take(ANNA, 1, false, NOW + TICKETS_S - 1), "an hour is not over");
	put(ANNA, 1, false, 10, NOW + TICKETS_S);
	ok(take(ANNA, 1, false, NOW + TICKETS_S), "it is, though no other ticket came meanwhile");
	tickets_done(&t);
}

static void
test_limits(void)
{
	char owner[TICKETS_OWNER + 1];
	unsigned n = 0;

	put(BERT, 7, true, 10, NOW);
	for (unsigned host = 0; host < 10 * TICKETS_MAX; host++)
		put(ANNA, host, true, 10, NOW);
	for (unsigned host = 0; host < 10 * TICKETS_MAX; host++)
		n += take(ANNA, host, true, NOW);
	ok(n == TICKETS_OF_ONE, "a destination has at most its share");
	ok(take(BERT, 7, true, NOW), "and pushes out no other's");
	n = 0;
	for (unsigned i = 0; i <= TICKETS_MAX; i++) {
		(void)snprintf(owner, sizeof owner, "mx %u.example", i);
		put(owner, i, true, 10, NOW);
	}
	for (unsigned i = 0; i <= TICKETS_MAX; i++) {
		(void)snprintf(owner, sizeof owner, "mx %u.example", i);
		n += take(owner, i, true, NOW) && i > 0;
	}
	ok(n == TICKETS_MAX && t.n == TICKETS_MAX, "a full table drops the first one");
	memset(owner, 'a', TICKETS_OWNER);
	owner[TICKETS_OWNER] = '\0';
	put(owner, 1, true, 10, NOW);
	ok(!take(owner, 1, true, NOW), "a name that is too long has none");
	owner[TICKETS_OWNER - 1] = '\0';
	put(owner, 1, true, 10, NOW);
	ok(take(owner, 1, true, NOW), "the longest name has one");
	tickets_done(&t);
}

/* A worker must not find there what belongs to others. */
static void
test_fork(void)
{
	int status = -1;
	pid_t pid;

	put(ANNA, 1, true, 10, NOW);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(take(ANNA, 1, true, NOW) ? 1 : 0);
	(void)waitpid(pid, &status, 0);
	ok(status == 0, "a worker inherits no ticket");
	ok(take(ANNA, 1, true, NOW), "its parent has it still");
	tickets_done(&t);
}

int
main(void)
{
	test_owners();
	test_time();
	test_spurned();
	test_limits();
	test_fork();
	return tap_done();
}
