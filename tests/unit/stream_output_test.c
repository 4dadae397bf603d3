// SPDX-License-Identifier: ISC
/* Output of net/stream: readers that stall or are gone, and sendfile. */
#include "net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/lib/tap.h"
#include "tests/unit/stream_pair.h"

static void
stalled_reader(enum kind kind)
{
	struct pair p = pair_open(kind);
	static char block[STREAM_OUT], got[STREAM_OUT];
	uint64_t total = 0, queued;
	int64_t before = clock_ms();
	int r, flags = fcntl(p.wfd, F_GETFL);

	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (char)('a' + i % 23);
	stream_init(&s, p.rfd, p.wfd);
	/* Not a multiple of a page, so that the last write has room for a part only. */
	r = stream_write(&s, slice_of(block, 5), 20) | stream_flush(&s, 20) |
	    stream_write(&s, slice_of(block + 5, sizeof block - 5), 20);
	while (r == 0 && s.octets_out < 16 << 20)
		r = stream_write(&s, slice_of(block, sizeof block), 20);
	ok(r == -ETIMEDOUT && clock_ms() - before < SOON, "a reader that stalls: a timeout, %s",
	    kinds[kind]);
	ok(fcntl(p.wfd, F_GETFL) == flags, "the flags of the descriptor are unchanged, %s",
	    kinds[kind]);
	queued = s.octets_out + s.out.n;
	r = 0;
	while (total < queued) {
		ssize_t n = read(p.far_rfd, got, sizeof got);

		for (ssize_t i = 0; i < n; i++)
			r |= got[i] != block[(total + (uint64_t)i) % sizeof block];
		total += (uint64_t)n;
		if (s.out.n)
			r |= stream_flush(&s, 0) == -EPIPE;
	}
	ok(r == 0 && s.out.n == 0, "a reader that reads again gets every octet once, %s",
	    kinds[kind]);
	pair_close(&p);
}

static void
gone_reader(enum kind kind)
{
	struct pair p = pair_open(kind);

	stream_init(&s, p.rfd, p.wfd);
	pair_close_far(&p);
	(void)stream_write(&s, SL("250 ok\r\n"), SOON);
	ok(stream_flush(&s, SOON) == -EPIPE, "a reader that is gone: EPIPE, %s", kinds[kind]);
	pair_close(&p);
}

static void
sendfile_case(enum kind kind, bool nonblock)
{
	enum { SIZE = 300000, AT = 1000 };
	struct pair p = pair_open(kind);
	static char content[SIZE], got[SIZE];
	const char *mode = nonblock ? "non-blocking" : "blocking";
	size_t n = 0, want = 3 + SIZE - AT;
	char name[] = "/tmp/stream-test-XXXXXX";
	int fd = mkstemp(name), r, status;
	pid_t child;

	for (size_t i = 0; i < SIZE; i++)
		content[i] = (char)(i * 7 + i / 251);
	(void)unlink(name);
	put(fd, content, SIZE);
	if (nonblock)
		(void)fcntl(p.wfd, F_SETFL, O_NONBLOCK);
	stream_init(&s, p.rfd, p.wfd);
	child = fork();
	if (child == 0) {
		while (n < want) {
			ssize_t k = read(p.far_rfd, got + n, want - n < 5000 ? want - n : 5000);

			if (k <= 0)
				_exit(2);
			n += (size_t)k;
		}
		_exit(memcmp(got, "pre", 3) != 0 || memcmp(got + 3, content + AT, SIZE - AT) != 0);
	}
	(void)stream_write(&s, SL("pre"), SOON);
	r = stream_sendfile(&s, fd, AT, SIZE - AT, SOON);
	ok(r == 0 && s.octets_out == want, "sendfile, %s %s", mode, kinds[kind]);
	(void)waitpid(child, &status, 0);
	ok(status == 0, "the file arrives unchanged after queued output, %s %s", mode, kinds[kind]);
	ok(stream_sendfile(&s, fd, SIZE, 1, SOON) == -EIO, "a file shorter than promised, %s %s",
	    mode, kinds[kind]);
	(void)close(fd);
	pair_close(&p);
}

static void
sendfile_stalled(void)
{
	struct pair p = pair_open(SOCKET);
	char name[] = "/tmp/stream-test-XXXXXX";
	int fd = mkstemp(name), r;

	(void)unlink(name);
	if (ftruncate(fd, 8 << 20) < 0)
		abort();
	stream_init(&s, p.rfd, p.wfd);
	r = stream_sendfile(&s, fd, 0, 8 << 20, 20);
	ok(r == -ETIMEDOUT, "sendfile to a blocking socket whose reader stalls ends in time");
	(void)close(fd);
	pair_close(&p);
}

int
main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(60);
	for (enum kind kind = SOCKET; kind <= PIPE; kind++) {
		stalled_reader(kind);
		gone_reader(kind);
		sendfile_case(kind, false);
		sendfile_case(kind, true);
	}
	sendfile_stalled();
	return tap_done();
}
