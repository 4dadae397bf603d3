// SPDX-License-Identifier: ISC
/*
 * Frames, the session's socket, and the desk where the sockets of sessions arrive.  This test is
 * the other end of each.
 */
#include "shared/tally.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/passing.h"
#include "shared/shared.h"
#include "shared/tally_desk.h"
#include "shared/tally_link.h"
#include "tests/lib/tap.h"

static const struct tally_query anna = {
	.number = 7, .what = TALLY_RATE, .most = 30, .time_s = 60, .n = 4, .name = "anna",
};

static const struct {
	const char *name;
	size_t at;
	unsigned char octet;
} spoiled[] = {
	{ "a count of nothing", 0, 0 },
	{ "a count of something else", 0, 4 },
	{ "no name", 1, 0 },
	{ "a name that is longer than its length", 1, 3 },
	{ "an octet without a meaning", 2, 1 },
	{ "another one", 3, 1 },
	{ "too many", 8, 1 },
	{ "none at all", 11, 0 },
	{ "more than a day", 13, 2 },
	{ "no time", 15, 0 },
	{ "an octet behind the name", TALLY_OCTETS - 1, 1 },
};

static void
check_frames(void)
{
	unsigned char octets[TALLY_OCTETS + 1] = { 0 }, answer[TALLY_ANSWER_OCTETS];
	const struct tally_answer passed = { 9, TALLY_PASSED_NOW };
	struct tally_answer a;
	struct tally_query q;

	tally_encode(&anna, octets);
	ok(tally_parse(octets, TALLY_OCTETS, &q) && memcmp(&q, &anna, sizeof q) == 0, "a query");
	ok(!tally_parse(octets, TALLY_OCTETS - 1, &q) && !tally_parse(octets, sizeof octets, &q),
	    "an octet less, or more");
	for (size_t i = 0; i < sizeof spoiled / sizeof spoiled[0]; i++) {
		tally_encode(&anna, octets);
		octets[spoiled[i].at] = spoiled[i].octet;
		ok(!tally_parse(octets, TALLY_OCTETS, &q), "%s", spoiled[i].name);
	}
	q = anna;
	q.most = TALLY_MOST_MAX;
	q.time_s = TALLY_TIME_MAX_S;
	q.n = TALLY_NAME_MAX;
	memset(q.name, 'x', sizeof q.name);
	tally_encode(&q, octets);
	ok(tally_parse(octets, TALLY_OCTETS, &q), "the largest");
	tally_answer_encode(&passed, answer);
	ok(tally_answer_parse(answer, sizeof answer, &a) && a.number == 9 &&
	    a.result == TALLY_PASSED_NOW, "an answer");
	answer[0] = TALLY_UNKNOWN + 1;
	ok(!tally_answer_parse(answer, sizeof answer, &a), "no result");
	answer[0] = answer[3] = 1;
	ok(!tally_answer_parse(answer, sizeof answer, &a), "an octet too many");
}

/* ---- the session's half ---- */

static int desk[2] = { -1, -1 };

static struct tally_link
begin_link(void)
{
	const int one = 1;

	(void)close(desk[0]);
	(void)close(desk[1]);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, desk) < 0 ||
	    setsockopt(desk[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one) < 0)
		return (struct tally_link){ .desk = -1, .fd = -1 };
	return (struct tally_link){ .desk = desk[0], .fd = -1 };
}

static int
other_end(void)
{
	struct passed passed;
	char octet;

	return passing_take(desk[1], &octet, 1, MSG_DONTWAIT, &passed) == 1 ? passed.fd : -1;
}

static void
send_answer(int fd, uint32_t number, enum tally_result result)
{
	const struct tally_answer a = { number, result };
	unsigned char octets[TALLY_ANSWER_OCTETS];

	tally_answer_encode(&a, octets);
	(void)send(fd, octets, sizeof octets, 0);
}

static enum tally_result
take(struct tally_link *l)
{
	return tally_take(l, SL("anna"), TALLY_MESSAGES, 5, 3600);
}

static void
check_link(void)
{
	struct tally_link l = begin_link();
	int64_t began_ms = clock_ms();
	unsigned char octets[TALLY_OCTETS];
	struct tally_query q = { 0 };
	int fd;

	ok(take(&l) == TALLY_UNKNOWN && clock_ms() - began_ms >= SHARED_WAIT_MS - 1 &&
	    clock_ms() - began_ms < 20 * SHARED_WAIT_MS, "no answer: it waits so long, not longer");
	fd = other_end();
	ok(fd >= 0 && recv(fd, octets, sizeof octets, MSG_DONTWAIT) == TALLY_OCTETS &&
	    tally_parse(octets, sizeof octets, &q) && q.what == TALLY_MESSAGES && q.most == 5 &&
	    q.time_s == 3600 && q.n == 4 && memcmp(q.name, "anna", 4) == 0, "the query is there");
	began_ms = clock_ms();
	for (int i = 0; i < 100; i++)
		(void)take(&l);
	ok(clock_ms() - began_ms < SHARED_WAIT_MS * 100 / 2 && other_end() < 0 &&
	    recv(fd, octets, sizeof octets, MSG_DONTWAIT) < 0, "then it asks nobody for a while");
	l.again_ms = 0;
	send_answer(fd, q.number, TALLY_PASSED);
	send_answer(fd, q.number + 1, TALLY_FREE);
	ok(take(&l) == TALLY_FREE, "a late answer is not that to the next query");
	send_answer(fd, q.number + 2, TALLY_UNKNOWN);
	ok(take(&l) == TALLY_UNKNOWN && l.again_ms > clock_ms(), "Redis does not reply");
	l.again_ms = 0;
	(void)send(fd, "garbage", 7, 0);
	ok(take(&l) == TALLY_UNKNOWN && l.fd < 0, "garbage closes the socket");
	(void)close(fd);
	l.again_ms = 0;
	(void)take(&l);
	fd = other_end();
	ok(fd >= 0, "later there is another one");
	(void)close(fd);
	l.again_ms = 0;
	ok(take(&l) == TALLY_UNKNOWN && l.fd < 0, "a hang-up is no answer");
	tally_link_close(&l);
}

static void
check_no_link(void)
{
	static char name[TALLY_NAME_MAX + 1] = { 'x' };
	struct tally_link l = { .desk = -1, .fd = -1 };

	ok(take(&l) == TALLY_UNKNOWN, "no listener");
	l = begin_link();
	ok(tally_take(&l, slice_of(name, sizeof name), TALLY_RATE, 5, 60) == TALLY_UNKNOWN &&
	    tally_take(&l, SL(""), TALLY_RATE, 5, 60) == TALLY_UNKNOWN && other_end() < 0,
	    "a name that does not fit");
}

/* ---- the desk ---- */

static struct tally_desk at_desk;

/* The socket of a session, which has been passed to the desk. */
static int
enter(int type)
{
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, type, 0, fds) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		_exit(passing_send(desk[0], "", 1, fds[1], 0) < 0);
	(void)waitpid(pid, NULL, 0);
	(void)close(fds[1]);
	return fds[0];
}

static bool
is_closed(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char octet;

	return poll(&p, 1, 0) == 1 && recv(fd, &octet, 1, MSG_DONTWAIT) <= 0;
}

static size_t
take_calls(struct tally_call *calls, size_t max)
{
	size_t n;

	for (int i = 0; i < 8; i++)
		if ((n = tally_desk_take(&at_desk, calls, max)) > 0)
			return n;
	return 0;
}

static void
check_desk(void)
{
	unsigned char octets[TALLY_OCTETS], answer[TALLY_ANSWER_OCTETS];
	struct tally_call calls[4];
	struct tally_answer a;
	int one, two;

	(void)begin_link();
	ok(tally_desk_open(&at_desk, desk[1]) == 0 && at_desk.max > 100, "a desk");
	one = enter(SOCK_SEQPACKET);
	two = enter(SOCK_SEQPACKET);
	ok(take_calls(calls, 4) == 0 && at_desk.n == 2, "two sessions");
	tally_encode(&anna, octets);
	(void)send(one, octets, sizeof octets, 0);
	ok(take_calls(calls, 4) == 1 && calls[0].query.number == 7, "one has a query");
	tally_desk_answer(&calls[0], TALLY_PASSED);
	ok(recv(one, answer, sizeof answer, MSG_DONTWAIT) == sizeof answer &&
	    tally_answer_parse(answer, sizeof answer, &a) && a.result == TALLY_PASSED &&
	    recv(two, answer, sizeof answer, MSG_DONTWAIT) < 0, "it alone gets the answer");
	for (int i = 0; i < 10; i++)
		(void)send(one, octets, sizeof octets, MSG_DONTWAIT);
	(void)send(two, octets, sizeof octets, 0);
	ok(take_calls(calls, 4) == 2 && calls[0].fd != calls[1].fd,
	    "one with many queries does not keep the other waiting");
	(void)send(two, "garbage", 7, 0);
	(void)take_calls(calls, 4);
	(void)take_calls(calls, 4);
	ok(is_closed(two) && !is_closed(one) && at_desk.n == 1, "garbage ends a session's socket");
	(void)close(one);
	for (int i = 0; i < 12; i++)
		(void)take_calls(calls, 4);
	ok(at_desk.n == 0, "the end of a session, too");
	(void)close(two);
}

static void
check_strange(void)
{
	struct tally_call calls[4];
	int pipes[2], ends[2][2], all[4], fd;

	fd = enter(SOCK_STREAM);
	(void)take_calls(calls, 4);
	ok(is_closed(fd) && at_desk.n == 0, "a socket of another type");
	(void)close(fd);
	(void)!pipe(pipes);
	(void)passing_send(desk[0], "", 1, pipes[0], 0);
	(void)passing_send(desk[0], "", 1, -1, 0);
	(void)passing_send(desk[0], "abcdefgh", 8, -1, 0);
	(void)take_calls(calls, 4);
	ok(at_desk.n == 0, "a pipe, and no descriptor");
	(void)passing_send(desk[0], "", 0, -1, 0);
	fd = enter(SOCK_SEQPACKET);
	(void)take_calls(calls, 4);
	ok(at_desk.n == 1, "a packet without octets is no hang-up: the next session comes in");
	(void)close(fd);
	(void)take_calls(calls, 4);
	for (size_t i = 0; i < 2; i++) {
		(void)socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends[i]);
		(void)passing_send(desk[0], "", 1, ends[i][1], 0);
		(void)close(ends[i][1]);
	}
	for (size_t i = 0; i < 4; i++)
		(void)take_calls(calls, 4);
	ok(at_desk.n == 1 && is_closed(ends[0][0]) && !is_closed(ends[1][0]),
	    "the second socket of a session ends the first");
	(void)close(ends[1][0]);
	(void)take_calls(calls, 4);
	at_desk.max = 3;
	for (size_t i = 0; i < 4; i++)
		all[i] = enter(SOCK_SEQPACKET);
	(void)take_calls(calls, 4);
	ok(at_desk.n == 3 && !is_closed(all[2]) && is_closed(all[3]), "one session too many");
	(void)close(desk[0]);
	desk[0] = -1;
	(void)take_calls(calls, 4);
	ok(poll(&(struct pollfd){ .fd = at_desk.epoll, .events = POLLIN }, 1, 0) == 0,
	    "a desk without sessions wakes nobody");
}

int
main(void)
{
	check_frames();
	check_link();
	check_no_link();
	check_desk();
	check_strange();
	return tap_done();
}
