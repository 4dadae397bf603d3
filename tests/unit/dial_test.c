// SPDX-License-Identifier: ISC
/* net/dial with listeners of all tempers on loopback. */
#include "net/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cidr.h"
#include "base/clock.h"
#include "tests/lib/tap.h"

#define TRIES 4

enum temper {
	SPEAKS,			/* sends "220 N\r\n" after delay_ms */
	HANGS_UP,		/* closes after delay_ms, sends nothing */
	REFUSES,		/* bound, without listen(2) */
	IGNORES,		/* its backlog is full, so that SYNs are dropped */
};

struct listener {
	enum temper temper;
	int delay_ms;
	int fd, filler;
	pid_t child;
	int heard;		/* read end: the octets received, after the client has closed */
};

static const struct dial_options usual = { .connect_timeout_ms = 500, .first_timeout_ms = 500 };

static void
serve(const struct listener *l, int heard_fd)
{
	struct pollfd wait = { .fd = l->fd, .events = POLLIN };
	char said[256];
	size_t n = 0;
	ssize_t r = 0;
	int c;

	if (poll(&wait, 1, 3000) != 1 || (c = accept(l->fd, NULL, NULL)) < 0)
		_exit(1);
	(void)poll(NULL, 0, l->delay_ms);
	if (l->temper == SPEAKS)
		(void)send(c, "220 N\r\n", 7, MSG_NOSIGNAL);
	else
		_exit(0);
	while (n < sizeof said && (r = recv(c, said + n, sizeof said - n, 0)) > 0)
		n += (size_t)r;
	if (r < 0 && n < sizeof said)
		said[n++] = '!';	/* a reset, not a close */
	_exit(write(heard_fd, said, n) != (ssize_t)n);
}

static void
listener_open(struct listener *l, const char *address, struct dial_target *t)
{
	struct sockaddr_storage at;
	socklen_t len;
	int heard[2];

	(void)address_parse(slice_str(address), 0, &at, &len);
	l->fd = socket(at.ss_family, SOCK_STREAM, 0);
	l->child = -1;
	l->filler = -1;
	if (bind(l->fd, (struct sockaddr *)&at, len) < 0 ||
	    getsockname(l->fd, (struct sockaddr *)&at, &len) < 0 || pipe(heard) < 0)
		abort();
	l->heard = heard[0];
	if (l->temper != REFUSES && listen(l->fd, l->temper == IGNORES ? 0 : 4) < 0)
		abort();
	if (l->temper == IGNORES) {
		l->filler = socket(at.ss_family, SOCK_STREAM, 0);
		if (connect(l->filler, (struct sockaddr *)&at, len) < 0)
			abort();
	} else if (l->temper != REFUSES && (l->child = fork()) == 0) {
		serve(l, heard[1]);
	}
	(void)close(heard[1]);
	t->address = at;
	t->address_len = len;
}

static void
listener_close(struct listener *l)
{
	(void)close(l->fd);
	(void)close(l->heard);
	if (l->filler >= 0)
		(void)close(l->filler);
	if (l->child > 0) {
		(void)kill(l->child, SIGKILL);
		(void)waitpid(l->child, NULL, 0);
	}
}

/* Did l receive just the octets of want? */
static bool
received(const struct listener *l, const char *want)
{
	struct pollfd wait = { .fd = l->heard, .events = POLLIN };
	char got[256];
	ssize_t n = poll(&wait, 1, 2000) == 1 ? read(l->heard, got, sizeof got) : -1;

	return n == (ssize_t)strlen(want) && memcmp(got, want, (size_t)n) == 0;
}

static const struct race_case {
	const char *name;
	size_t n;
	struct { enum temper temper; int delay_ms; enum dial_state state; int error; } at[4];
	int stagger_ms, linger_factor, linger_max_ms;
	int winner;		/* index, or -1 */
	int most_ms;		/* limit of the race's duration, on a busy machine */
} race_cases[] = {
	{ .name = "one",
	  .n = 1, .at = { { SPEAKS, 0, DIAL_OPEN, 0 } }, .winner = 0, .most_ms = 1500 },
	{ .name = "one_refuses",
	  .n = 1, .at = { { REFUSES, 0, DIAL_FAILED, ECONNREFUSED } }, .winner = -1,
	  .most_ms = 1500 },
	{ .name = "one_hangs_up",
	  .n = 1, .at = { { HANGS_UP, 0, DIAL_FAILED, ECONNRESET } }, .winner = -1,
	  .most_ms = 1500 },
	{ .name = "one_never_answers",
	  .n = 1, .at = { { IGNORES, 0, DIAL_FAILED, ETIMEDOUT } }, .winner = -1, .most_ms = 1500 },
	{ .name = "one_never_speaks",
	  .n = 1, .at = { { SPEAKS, 2900, DIAL_FAILED, ETIMEDOUT } }, .winner = -1,
	  .most_ms = 1500 },
	{ .name = "fastest_of_three",
	  .n = 3,
	  .at = { { SPEAKS, 2000, DIAL_SLOW, 0 }, { SPEAKS, 20, DIAL_OPEN, 0 },
	    { SPEAKS, 2000, DIAL_SLOW, 0 } },
	  .winner = 1, .most_ms = 1500 },
	{ .name = "fastest_beside_dead_ones",
	  .n = 4,
	  .at = { { REFUSES, 0, DIAL_FAILED, ECONNREFUSED }, { SPEAKS, 2000, DIAL_SLOW, 0 },
	    { IGNORES, 0, DIAL_SLOW, 0 }, { SPEAKS, 20, DIAL_OPEN, 0 } },
	  .winner = 3, .most_ms = 1500 },
	{ .name = "lingers_to_measure_the_next",
	  .n = 3,
	  .at = { { SPEAKS, 60, DIAL_OPEN, 0 }, { SPEAKS, 120, DIAL_OPEN, 0 },
	    { SPEAKS, 2500, DIAL_SLOW, 0 } },
	  .linger_factor = 6, .linger_max_ms = 1000, .winner = 0, .most_ms = 1500 },
	{ .name = "lingers_no_longer_than_max",
	  .n = 2, .at = { { SPEAKS, 30, DIAL_OPEN, 0 }, { SPEAKS, 2500, DIAL_SLOW, 0 } },
	  .linger_factor = 1000, .linger_max_ms = 40, .winner = 0, .most_ms = 1500 },
	{ .name = "lingers_no_longer_than_needed",
	  .n = 2, .at = { { SPEAKS, 20, DIAL_OPEN, 0 }, { SPEAKS, 80, DIAL_OPEN, 0 } },
	  .linger_factor = 1000, .linger_max_ms = 5000, .winner = 0, .most_ms = 1500 },
	{ .name = "failure_starts_the_next_at_once",
	  .n = 3,
	  .at = { { REFUSES, 0, DIAL_FAILED, ECONNREFUSED },
	    { REFUSES, 0, DIAL_FAILED, ECONNREFUSED }, { SPEAKS, 0, DIAL_OPEN, 0 } },
	  .stagger_ms = 3000, .winner = 2, .most_ms = 1500 },
	{ .name = "hang_up_starts_the_next_at_once",
	  .n = 2, .at = { { HANGS_UP, 0, DIAL_FAILED, ECONNRESET }, { SPEAKS, 0, DIAL_OPEN, 0 } },
	  .stagger_ms = 3000, .winner = 1, .most_ms = 1500 },
	{ .name = "fast_first_leaves_the_rest_untried",
	  .n = 2, .at = { { SPEAKS, 0, DIAL_OPEN, 0 }, { SPEAKS, 0, DIAL_UNTRIED, 0 } },
	  .stagger_ms = 3000, .winner = 0, .most_ms = 1500 },
	{ .name = "slow_first_is_overtaken",
	  .n = 2, .at = { { SPEAKS, 2000, DIAL_SLOW, 0 }, { SPEAKS, 0, DIAL_OPEN, 0 } },
	  .stagger_ms = 40, .winner = 1, .most_ms = 1500 },
	{ .name = "each_has_its_delay",
	  .n = 3,
	  .at = { { SPEAKS, 2000, DIAL_SLOW, 0 }, { SPEAKS, 2000, DIAL_SLOW, 0 },
	    { SPEAKS, 0, DIAL_OPEN, 0 } },
	  .stagger_ms = 60, .winner = 2, .most_ms = 1500 },
	{ .name = "both_fail",
	  .n = 2,
	  .at = { { REFUSES, 0, DIAL_FAILED, ECONNREFUSED },
	    { HANGS_UP, 0, DIAL_FAILED, ECONNRESET } },
	  .winner = -1, .most_ms = 1500 },
};

static bool
measured(const struct dial_target *t, int delay_ms)
{
	switch (t->state) {
	case DIAL_OPEN:
		return t->connect_us > 0 && t->first_us >= t->connect_us &&
		    t->first_us >= delay_ms * 1000;
	case DIAL_SLOW:
		return t->waited_us > 0 && t->first_us == 0 && t->waited_us >= t->connect_us;
	default:
		return t->first_us == 0;
	}
}

/* Is only the winner open, non-blocking, with its greeting unread? */
static bool
descriptors(const struct dial_target *t, size_t n, int winner)
{
	char got[16];

	for (size_t i = 0; i < n; i++)
		if ((int)i != winner && t[i].fd >= 0)
			return false;
	if (winner < 0)
		return true;
	return (fcntl(t[winner].fd, F_GETFL) & O_NONBLOCK) &&
	    recv(t[winner].fd, got, sizeof got, 0) == 7 && memcmp(got, "220 N\r\n", 7) == 0;
}

struct race {
	bool in_time, winner, states, numbers, descriptors;
};

static struct race
run_race(const struct race_case *c)
{
	struct listener listeners[4];
	struct dial_target t[4];
	struct dial_options o = usual;
	struct race r = { .states = true, .numbers = true };
	int64_t before;
	int winner;

	memset(t, 0xff, sizeof t);
	for (size_t i = 0; i < c->n; i++) {
		listeners[i] = (struct listener){
			.temper = c->at[i].temper, .delay_ms = c->at[i].delay_ms,
		};
		listener_open(&listeners[i], i & 1 ? "127.0.0.2" : "127.0.0.1", &t[i]);
		t[i].delay_ms = (int)i * c->stagger_ms;
	}
	o.linger_factor = c->linger_factor;
	o.linger_max_ms = c->linger_max_ms;
	before = clock_ms();
	winner = dial_race(t, c->n, &o, "QUIT\r\n");
	r.in_time = clock_ms() - before <= c->most_ms;
	r.winner = winner == c->winner;
	for (size_t i = 0; i < c->n; i++) {
		r.states = r.states && t[i].state == c->at[i].state && t[i].error == c->at[i].error;
		r.numbers = r.numbers && measured(&t[i], c->at[i].delay_ms);
	}
	r.descriptors = descriptors(t, c->n, winner);
	if (winner >= 0)
		(void)close(t[winner].fd);
	for (size_t i = 0; i < c->n; i++)
		listener_close(&listeners[i]);
	return r;
}

/* A busy machine may delay one of the listeners for longer than the race waits for it. */
static void
race_case(const struct race_case *c)
{
	struct race r = run_race(c);

	for (int i = 1; i < TRIES && !(r.in_time && r.winner && r.states); i++)
		r = run_race(c);
	ok(r.in_time, "%s: in time", c->name);
	ok(r.winner, "%s: winner", c->name);
	ok(r.states, "%s: states", c->name);
	ok(r.numbers, "%s: all measured", c->name);
	ok(r.descriptors, "%s: descriptors", c->name);
}

/* Each loser gets a goodbye, whether it has sent its greeting or not; the winner gets none. */
static void
goodbye(void)
{
	struct listener l[3] = {
		{ .temper = SPEAKS, .delay_ms = 20 },
		{ .temper = SPEAKS, .delay_ms = 60 },
		{ .temper = SPEAKS, .delay_ms = 300 },
	};
	struct dial_target t[3] = { 0 };
	struct dial_options o = usual;
	char greeting[16];
	int winner;

	for (int i = 0; i < 3; i++)
		listener_open(&l[i], "127.0.0.1", &t[i]);
	o.linger_factor = 8;
	o.linger_max_ms = 150;
	winner = dial_race(t, 3, &o, "QUIT\r\n");
	ok(winner == 0 && received(&l[1], "QUIT\r\n"),
	    "goodbye to a host that has sent its greeting, and a clean close");
	ok(received(&l[2], "QUIT\r\n"), "goodbye to a host that has not");
	(void)recv(t[0].fd, greeting, sizeof greeting, 0);
	(void)send(t[0].fd, "EHLO\r\n", 6, 0);
	(void)close(t[0].fd);
	ok(received(&l[0], "EHLO\r\n"), "no goodbye to the winner");
	for (int i = 0; i < 3; i++)
		listener_close(&l[i]);
}

/* If the host waits for our first octets, the first one connected wins; losers get no goodbye. */
static void
silent(void)
{
	struct listener l[2] = {
		{ .temper = SPEAKS, .delay_ms = 200 },
		{ .temper = SPEAKS, .delay_ms = 200 },
	};
	struct dial_target t[2] = { 0 };
	struct dial_options o = usual;
	const int64_t before = clock_ms();
	int winner;

	for (int i = 0; i < 2; i++)
		listener_open(&l[i], "127.0.0.1", &t[i]);
	o.silent = true;
	o.linger_factor = 1000;
	o.linger_max_ms = 1000;
	o.first_timeout_ms = 1;
	winner = dial_race(t, 2, &o, "QUIT\r\n");
	ok(winner >= 0 && t[winner].fd >= 0 && t[winner].first_us == t[winner].connect_us &&
	    t[winner].connect_us > 0, "silent: connected is enough");
	ok(t[!winner].state == DIAL_OPEN && t[!winner].fd < 0 && clock_ms() - before < 900,
	    "silent: for the others as well");
	ok(received(&l[!winner], ""), "silent: no goodbye");
	(void)close(t[winner].fd);
	for (int i = 0; i < 2; i++)
		listener_close(&l[i]);
}

static void
sources(void)
{
	struct listener l = { .temper = SPEAKS };
	struct sockaddr_storage bind_to[3], from;
	struct dial_options o = usual;
	struct dial_target t = { 0 };
	socklen_t len = sizeof from;
	struct buf text = { 0 };
	char space[64];

	(void)address_parse(SL("::1"), 0, &bind_to[0], &len);
	(void)address_parse(SL("127.0.0.7"), 0, &bind_to[1], &len);
	(void)address_parse(SL("192.0.2.1"), 0, &bind_to[2], &len);
	o.bind = bind_to;
	o.nbind = 2;
	listener_open(&l, "127.0.0.1", &t);
	ok(dial_race(&t, 1, &o, NULL) == 0, "connect from a chosen address");
	len = sizeof from;
	text = (struct buf)BUF(space);
	(void)getsockname(t.fd, (struct sockaddr *)&from, &len);
	address_text(&text, (struct sockaddr *)&from);
	is(buf_slice(&text), SL("127.0.0.7"), "the address of the target's family");
	(void)close(t.fd);
	listener_close(&l);

	l = (struct listener){ .temper = REFUSES };
	listener_open(&l, "127.0.0.1", &t);
	o.bind = &bind_to[2];
	o.nbind = 1;
	ok(dial_race(&t, 1, &o, NULL) == -1 && t.error == EADDRNOTAVAIL,
	    "an address that is not ours");
	listener_close(&l);
}

int
main(void)
{
	(void)alarm(60);
	for (size_t i = 0; i < sizeof race_cases / sizeof race_cases[0]; i++)
		race_case(&race_cases[i]);
	goodbye();
	silent();
	sources();
	ok(dial_race(NULL, 0, &usual, NULL) == -1, "no targets, no winner");
	return tap_done();
}
