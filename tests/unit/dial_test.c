// SPDX-License-Identifier: ISC
/* net/dial against listeners of all tempers on loopback. */
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

enum temper {
	SPEAKS,			/* says "220 N\r\n" after delay_ms */
	HANGS_UP,		/* closes after delay_ms without a word */
	REFUSES,		/* nobody listens */
	IGNORES,		/* its queue of connections is full, so that SYNs are dropped */
};

struct listener {
	enum temper temper;
	int delay_ms;
	int fd, filler;
	pid_t child;
	int heard;		/* what the other side said, once it has hung up */
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
		said[n++] = '!';	/* a reset, not an end */
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
	if (bind(l->fd, (struct sockaddr *)&at, len) < 0 || getsockname(l->fd, (struct sockaddr *)&at, &len) < 0 ||
	    pipe(heard) < 0)
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

static bool
said(const struct listener *l, const char *want)
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
	int winner;
	int most_ms;		/* the race takes at most this long, on a busy machine */
} race_cases[] = {
	{ "one", 1, { { SPEAKS, 0, DIAL_OPEN, 0 } }, 0, 0, 0, 0, 1500 },
	{ "one_refuses", 1, { { REFUSES, 0, DIAL_FAILED, ECONNREFUSED } }, 0, 0, 0, -1, 1500 },
	{ "one_hangs_up", 1, { { HANGS_UP, 0, DIAL_FAILED, ECONNRESET } }, 0, 0, 0, -1, 1500 },
	{ "one_never_answers", 1, { { IGNORES, 0, DIAL_FAILED, ETIMEDOUT } }, 0, 0, 0, -1, 1500 },
	{ "one_never_speaks", 1, { { SPEAKS, 2900, DIAL_FAILED, ETIMEDOUT } }, 0, 0, 0, -1, 1500 },
	{ "fastest_of_three", 3, { { SPEAKS, 2000, DIAL_SLOW, 0 }, { SPEAKS, 20, DIAL_OPEN, 0 },
	    { SPEAKS, 2000, DIAL_SLOW, 0 } }, 0, 0, 0, 1, 1500 },
	{ "fastest_beside_dead_ones", 4, { { REFUSES, 0, DIAL_FAILED, ECONNREFUSED }, { SPEAKS, 2000, DIAL_SLOW, 0 },
	    { IGNORES, 0, DIAL_SLOW, 0 }, { SPEAKS, 20, DIAL_OPEN, 0 } }, 0, 0, 0, 3, 1500 },
	{ "lingers_to_measure_the_next", 3, { { SPEAKS, 60, DIAL_OPEN, 0 }, { SPEAKS, 120, DIAL_OPEN, 0 },
	    { SPEAKS, 2500, DIAL_SLOW, 0 } }, 0, 6, 1000, 0, 1500 },
	{ "lingers_no_longer_than_max", 2, { { SPEAKS, 30, DIAL_OPEN, 0 }, { SPEAKS, 2500, DIAL_SLOW, 0 } },
	    0, 1000, 40, 0, 1500 },
	{ "lingers_no_longer_than_needed", 2, { { SPEAKS, 20, DIAL_OPEN, 0 }, { SPEAKS, 80, DIAL_OPEN, 0 } },
	    0, 1000, 5000, 0, 1500 },
	{ "failure_starts_the_next_at_once", 3, { { REFUSES, 0, DIAL_FAILED, ECONNREFUSED },
	    { REFUSES, 0, DIAL_FAILED, ECONNREFUSED }, { SPEAKS, 0, DIAL_OPEN, 0 } }, 3000, 0, 0, 2, 1500 },
	{ "hang_up_starts_the_next_at_once", 2, { { HANGS_UP, 0, DIAL_FAILED, ECONNRESET },
	    { SPEAKS, 0, DIAL_OPEN, 0 } }, 3000, 0, 0, 1, 1500 },
	{ "fast_first_leaves_the_rest_untried", 2, { { SPEAKS, 0, DIAL_OPEN, 0 }, { SPEAKS, 0, DIAL_UNTRIED, 0 } },
	    3000, 0, 0, 0, 1500 },
	{ "slow_first_is_overtaken", 2, { { SPEAKS, 2000, DIAL_SLOW, 0 }, { SPEAKS, 0, DIAL_OPEN, 0 } },
	    40, 0, 0, 1, 1500 },
	{ "each_has_its_delay", 3, { { SPEAKS, 2000, DIAL_SLOW, 0 }, { SPEAKS, 2000, DIAL_SLOW, 0 }, { SPEAKS, 0, DIAL_OPEN, 0 } },
	    60, 0, 0, 2, 1500 },
	{ "nobody", 2, { { REFUSES, 0, DIAL_FAILED, ECONNREFUSED }, { HANGS_UP, 0, DIAL_FAILED, ECONNRESET } },
	    0, 0, 0, -1, 1500 },
};

static bool
measured(const struct dial_target *t, int delay_ms)
{
	switch (t->state) {
	case DIAL_OPEN:
		return t->connect_us > 0 && t->first_us >= t->connect_us && t->first_us >= delay_ms * 1000;
	case DIAL_SLOW:
		return t->waited_us > 0 && t->first_us == 0 && t->waited_us >= t->connect_us;
	default:
		return t->first_us == 0;
	}
}

/* The winner is open, non-blocking, with its greeting unread; nobody else is open. */
static bool
descriptors(const struct dial_target *t, size_t n, int winner)
{
	char got[16];

	for (size_t i = 0; i < n; i++)
		if ((int)i != winner && t[i].fd >= 0)
			return false;
	if (winner < 0)
		return true;
	return (fcntl(t[winner].fd, F_GETFL) & O_NONBLOCK) && recv(t[winner].fd, got, sizeof got, 0) == 7 &&
	    memcmp(got, "220 N\r\n", 7) == 0;
}

static void
race_case(const struct race_case *c)
{
	struct listener listeners[4];
	struct dial_target t[4];
	struct dial_options o = usual;
	bool states = true, numbers = true;
	int64_t before;
	int winner;

	memset(t, 0xff, sizeof t);
	for (size_t i = 0; i < c->n; i++) {
		listeners[i] = (struct listener){ .temper = c->at[i].temper, .delay_ms = c->at[i].delay_ms };
		listener_open(&listeners[i], i & 1 ? "127.0.0.2" : "127.0.0.1", &t[i]);
		t[i].delay_ms = (int)i * c->stagger_ms;
	}
	o.linger_factor = c->linger_factor;
	o.linger_max_ms = c->linger_max_ms;
	before = clock_ms();
	winner = dial_race(t, c->n, &o, "QUIT\r\n");
	ok(clock_ms() - before <= c->most_ms, "%s: in time", c->name);
	ok(winner == c->winner, "%s: winner", c->name);
	for (size_t i = 0; i < c->n; i++) {
		states = states && t[i].state == c->at[i].state && t[i].error == c->at[i].error;
		numbers = numbers && measured(&t[i], c->at[i].delay_ms);
	}
	ok(states, "%s: states", c->name);
	ok(numbers, "%s: all measured", c->name);
	ok(descriptors(t, c->n, winner), "%s: descriptors", c->name);
	if (winner >= 0)
		(void)close(t[winner].fd);
	for (size_t i = 0; i < c->n; i++)
		listener_close(&listeners[i]);
}

/* Those that lost are told so, whether they had spoken or not; the winner hears nothing. */
static void
goodbye(void)
{
	struct listener l[3] = { { .temper = SPEAKS, .delay_ms = 20 }, { .temper = SPEAKS, .delay_ms = 60 },
		{ .temper = SPEAKS, .delay_ms = 300 } };
	struct dial_target t[3] = { 0 };
	struct dial_options o = usual;
	char greeting[16];
	int winner;

	for (int i = 0; i < 3; i++)
		listener_open(&l[i], "127.0.0.1", &t[i]);
	o.linger_factor = 8;
	o.linger_max_ms = 150;
	winner = dial_race(t, 3, &o, "QUIT\r\n");
	ok(winner == 0 && said(&l[1], "QUIT\r\n"), "goodbye to one that had spoken, and a clean end");
	ok(said(&l[2], "QUIT\r\n"), "goodbye to one that had not");
	(void)recv(t[0].fd, greeting, sizeof greeting, 0);
	(void)send(t[0].fd, "EHLO\r\n", 6, 0);
	(void)close(t[0].fd);
	ok(said(&l[0], "EHLO\r\n"), "none to the winner");
	for (int i = 0; i < 3; i++)
		listener_close(&l[i]);
}

/* Where the other side waits for the first word, whoever is connected has won, and who has not hears nothing. */
static void
silent(void)
{
	struct listener l[2] = { { .temper = SPEAKS, .delay_ms = 200 }, { .temper = SPEAKS, .delay_ms = 200 } };
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
	ok(winner >= 0 && t[winner].fd >= 0 && t[winner].first_us == t[winner].connect_us && t[winner].connect_us > 0,
	    "silent: connected is enough");
	ok(t[!winner].state == DIAL_OPEN && t[!winner].fd < 0 && clock_ms() - before < 900, "silent: for the others too");
	ok(said(&l[!winner], ""), "silent: no goodbye");
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
	is(buf_slice(&text), SL("127.0.0.7"), "that of the target's family");
	(void)close(t.fd);
	listener_close(&l);

	l = (struct listener){ .temper = REFUSES };
	listener_open(&l, "127.0.0.1", &t);
	o.bind = &bind_to[2];
	o.nbind = 1;
	ok(dial_race(&t, 1, &o, NULL) == -1 && t.error == EADDRNOTAVAIL, "an address that is not ours");
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
