// SPDX-License-Identifier: ISC
/* Two ends of a connection, for the tests of net/stream. */
#ifndef TESTS_UNIT_STREAM_PAIR_H
#define TESTS_UNIT_STREAM_PAIR_H

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream.h"

#define SOON 2000		/* ms: a limit that a passing test never reaches */

enum kind { SOCKET, PIPE };
static const char *const kinds[] = { "socket", "pipe" };

/* Our end and the far end. */
struct pair {
	int rfd, wfd, far_rfd, far_wfd;
};

static struct stream s;

__attribute__((unused)) static struct pair
pair_open(enum kind kind)
{
	struct pair p;
	int a[2], b[2];

	if (kind == SOCKET) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, a) < 0)
			abort();
		return (struct pair){ a[0], a[0], a[1], a[1] };
	}
	if (pipe(a) < 0 || pipe(b) < 0)
		abort();
	p = (struct pair){ a[0], b[1], b[0], a[1] };
	return p;
}

__attribute__((unused)) static void
pair_close_far(struct pair *p)
{
	if (p->far_wfd != p->far_rfd)
		(void)close(p->far_wfd);
	(void)close(p->far_rfd);
	p->far_rfd = p->far_wfd = -1;
}

__attribute__((unused)) static void
pair_close(struct pair *p)
{
	if (p->far_rfd >= 0)
		pair_close_far(p);
	if (p->wfd != p->rfd)
		(void)close(p->wfd);
	(void)close(p->rfd);
}

__attribute__((unused)) static void
put(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t r = write(fd, p, n);

		if (r < 0)
			abort();
		p += r;
		n -= (size_t)r;
	}
}

#endif
