// SPDX-License-Identifier: ISC
/* client/payload: a message in several parts gives the same octets as in one, for DATA and BDAT and
 * to a reader. */
#include "client/payload.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/tap.h"

#define LARGE 20000		/* more than two blocks, less than a socket holds */
#define FRONT 1000		/* octets of the file before its range */

static struct config config;
static char got_space[2 * LARGE + 100], want_space[2 * LARGE + 100];

enum command { DATA, BDAT };
static const char *const commands[] = { "DATA", "BDAT" };

/* The places of the parts of a message. */
enum place { MEMORY, FILE_RANGE };

static const struct places {
	const char *name;
	enum place of[3];
} places[] = {
	{ "memory, file", { MEMORY, FILE_RANGE, MEMORY } },
	{ "file, memory", { FILE_RANGE, MEMORY, FILE_RANGE } },
	{ "file, file", { FILE_RANGE, FILE_RANGE, FILE_RANGE } },
	{ "memory, memory", { MEMORY, MEMORY, MEMORY } },
};

struct message {
	struct slice octets;
	struct queue_facts facts;
	int fd;				/* the octets, after FRONT others */
};

static void
message_open(struct message *m)
{
	static const char front[FRONT];

	m->fd = memfd_create("payload", MFD_CLOEXEC);
	if (m->fd < 0 || write(m->fd, front, FRONT) != FRONT ||
	    write(m->fd, m->octets.p, m->octets.n) != (ssize_t)m->octets.n)
		abort();
}

/* Octets [at, at + n) of the message become the next part. */
static void
add(struct payload *p, const struct message *m, enum place place, size_t at, size_t n)
{
	if (place == MEMORY)
		payload_add_octets(p, slice_of(m->octets.p + at, n));
	else
		payload_add_file(p, m->fd, FRONT + at, n);
}

/* Octets that p puts on the wire; none if it fails. */
static struct slice
sent(const struct payload *p, enum command command, char *space, size_t room)
{
	size_t n = 0;
	ssize_t r;
	int pair[2], error;
	struct smtp_link *l;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		abort();
	l = link_new(pair[0], "test", &config, NULL);
	error = command == DATA ? payload_send_data(l, p) : payload_send_chunk(l, p);
	if (error == 0)
		error = link_flush(l);
	l->closed = true;
	link_done(l);
	while ((r = read(pair[1], space + n, room - n)) > 0)
		n += (size_t)r;
	(void)close(pair[1]);
	return slice_of(space, error == 0 && r == 0 ? n : 0);
}

/* p is the message, cut at a and b. */
static void
lay_out(struct payload *p, const struct message *m, const struct places *where, size_t a, size_t b)
{
	payload_init(p, &m->facts);
	add(p, m, where->of[0], 0, a);
	add(p, m, where->of[1], a, b - a);
	if (b < m->octets.n)
		add(p, m, where->of[2], b, m->octets.n - b);
}

/* The message cut at a and b gives the same octets, as many as a chunk announces. */
static bool
same(const struct message *m, const struct places *where, enum command command, struct slice want,
    size_t a, size_t b)
{
	struct payload p;
	struct slice got;

	lay_out(&p, m, where, a, b);
	got = sent(&p, command, got_space, sizeof got_space);
	if (slice_eq(got, want) && (command == DATA || got.n == payload_chunk_size(&p)))
		return true;
	printf("# cut at %zu and %zu: %zu octets, not %zu\n", a, b, got.n, want.n);
	return false;
}

static struct slice
whole(const struct message *m, enum command command)
{
	struct payload p;

	payload_init(&p, &m->facts);
	payload_add_file(&p, m->fd, FRONT, m->octets.n);
	return sent(&p, command, want_space, sizeof want_space);
}

struct small_case {
	const char *name;
	const char *octets;
	struct queue_facts facts;
	const char *data, *chunk;	/* on the wire */
};

static const struct small_case small[] = {
	{ .name = "plain text", .octets = "a: b\r\n\r\ntext\r\n",
	  .data = "a: b\r\n\r\ntext\r\n.\r\n", .chunk = "a: b\r\n\r\ntext\r\n" },
	{ .name = "lines that begin with dots", .octets = ".\r\n..a\r\n.b\r\n\r\n.",
	  .facts = { .dot_line = true, .no_final_crlf = true },
	  .data = "..\r\n...a\r\n..b\r\n\r\n..\r\n.\r\n", .chunk = ".\r\n..a\r\n.b\r\n\r\n.\r\n" },
	{ .name = "no line end at the end", .octets = "a: b\r\n\r\nend",
	  .facts = { .no_final_crlf = true },
	  .data = "a: b\r\n\r\nend\r\n.\r\n", .chunk = "a: b\r\n\r\nend\r\n" },
	{ .name = "a CR at the end", .octets = "a: b\r\n\r\nend\r",
	  .facts = { .binary = true, .no_final_crlf = true },
	  .data = "a: b\r\n\r\nend\r\n.\r\n", .chunk = "a: b\r\n\r\nend\r" },
	{ .name = "bare line ends and dots", .octets = "a\n.b\r.c\r\r\n.\n",
	  .facts = { .binary = true, .dot_line = true },
	  .data = "a\r\n..b\r\n..c\r\n\r\n..\r\n.\r\n", .chunk = "a\n.b\r.c\r\r\n.\n" },
};

static void
test_small_split(const struct small_case *c, const struct message *m, enum command command,
    struct slice want)
{
	ok(slice_eq(whole(m, command), want), "%s: %s of one part", c->name, commands[command]);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		bool good = true;

		for (size_t a = 0; a <= m->octets.n; a++)
			for (size_t b = a; b <= m->octets.n; b++)
				good = same(m, &places[i], command, want, a, b) && good;
		ok(good, "%s: %s of %s, cut everywhere", c->name, commands[command],
		    places[i].name);
	}
}

static void
test_small(const struct small_case *c)
{
	struct message m = { .octets = slice_str(c->octets), .facts = c->facts };

	message_open(&m);
	test_small_split(c, &m, DATA, slice_str(c->data));
	test_small_split(c, &m, BDAT, slice_str(c->chunk));
	(void)close(m.fd);
}

/* Large messages: errors are likely at the borders of blocks and of the tail. */
static const size_t borders[] = {
	0, 1, 8191, 8192, 8193, LARGE - 8193, LARGE - 8192, LARGE - 8191, LARGE - 1, LARGE,
};
#define NBORDERS (sizeof borders / sizeof borders[0])

static void
test_large_split(const struct message *m, enum command command)
{
	const struct slice want = whole(m, command);

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		bool good = want.n >= LARGE;

		for (size_t a = 0; a < NBORDERS; a++)
			for (size_t b = a; b < NBORDERS; b++)
				good = same(m, &places[i], command, want, borders[a],
				    borders[b]) && good;
		ok(good, "a large message%s: %s of %s, cut at the borders of blocks",
		    m->facts.dot_line ? " with dots" : "", commands[command], places[i].name);
	}
}

static void
test_large(bool dots)
{
	static char space[LARGE];
	struct message m = { .octets = { space, sizeof space }, .facts = { .dot_line = dots } };

	for (size_t i = 0; i < LARGE; i++)
		space[i] = (char)('a' + i % 23);
	for (size_t i = 0; i < LARGE; i += 40) {
		memcpy(space + i + 38, "\r\n", 2);
		if (dots)
			space[i] = '.';
	}
	message_open(&m);
	test_large_split(&m, DATA);
	test_large_split(&m, BDAT);
	(void)close(m.fd);
}

/* Each range of p is read as it is in the message, and nothing beyond its end. */
static bool
reads(const struct payload *p, struct slice want)
{
	char got[64];

	for (size_t at = 0; at <= want.n; at++) {
		for (size_t n = 0; at + n <= want.n; n++)
			if (payload_read(p, at, got, n) < 0 || memcmp(got, want.p + at, n) != 0)
				return false;
		if (payload_read(p, at, got, want.n - at + 1) != -EIO)
			return false;
	}
	return true;
}

/* A field in front of a message: it is cut at every position, and so is the message. */
static void
test_read(void)
{
	static const char octets[] = "DKIM-Signature: v=1\r\na: b\r\n\r\n.text\r\n";
	struct message m = { .octets = slice_of(octets, sizeof octets - 1) };

	message_open(&m);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		bool good = true;

		for (size_t a = 0; a <= m.octets.n; a++)
			for (size_t b = a; b <= m.octets.n; b++) {
				struct payload p;

				lay_out(&p, &m, &places[i], a, b);
				good = reads(&p, m.octets) && good;
			}
		ok(good, "%s: each range is read, cut everywhere", places[i].name);
	}
	(void)close(m.fd);
}

/* A field before a file: the octets on the wire begin with it, and it counts in the chunk. */
static void
test_front(void)
{
	static const char field[] = "a: b\r\n", rest[] = "c: d\r\n\r\n.\r\nend";
	struct message m = {
		.octets = slice_of(rest, sizeof rest - 1),
		.facts = { .dot_line = true, .no_final_crlf = true },
	};
	struct payload p;

	message_open(&m);
	payload_init(&p, &m.facts);
	payload_add_octets(&p, slice_of(field, sizeof field - 1));
	payload_add_file(&p, m.fd, FRONT, m.octets.n);
	is(sent(&p, DATA, got_space, sizeof got_space),
	    SL("a: b\r\nc: d\r\n\r\n..\r\nend\r\n.\r\n"), "a field in front, DATA");
	is(sent(&p, BDAT, got_space, sizeof got_space),
	    SL("a: b\r\nc: d\r\n\r\n.\r\nend\r\n"), "a field in front, BDAT");
	ok(payload_chunk_size(&p) == 22, "a field in front counts in the chunk");
	(void)close(m.fd);
}

static void
test_damaged(void)
{
	struct message m = { .octets = SL("short") };
	struct payload p;

	message_open(&m);
	for (enum command command = DATA; command <= BDAT; command++) {
		payload_init(&p, &m.facts);
		payload_add_octets(&p, SL("front: 1\r\n"));
		payload_add_file(&p, m.fd, FRONT, m.octets.n + 1);
		ok(sent(&p, command, got_space, sizeof got_space).n == 0,
		    "a file that ends early fails, %s", commands[command]);
	}
	ok(payload_read(&p, 0, got_space, 15) == 0, "the octets that a file has are read");
	ok(payload_read(&p, 0, got_space, 16) == -EIO, "a file that ends early cannot be read");
	(void)close(m.fd);
}

static void
test_empty(void)
{
	struct payload p;

	payload_init(&p, &(struct queue_facts){ .no_final_crlf = true });
	is(sent(&p, DATA, got_space, sizeof got_space), SL(".\r\n"), "no part: the dot alone");
	is(sent(&p, BDAT, got_space, sizeof got_space), SL(""), "no part: an empty chunk");
	ok(payload_chunk_size(&p) == 0, "an empty chunk gets no line end");
	ok(payload_read(&p, 0, got_space, 0) == 0 && payload_read(&p, 0, got_space, 1) == -EIO,
	    "no part: nothing to read");
}

int
main(void)
{
	config.relay.block_timeout_ms = 2000;
	for (size_t i = 0; i < sizeof small / sizeof small[0]; i++)
		test_small(&small[i]);
	test_large(false);
	test_large(true);
	test_read();
	test_front();
	test_damaged();
	test_empty();
	return tap_done();
}
