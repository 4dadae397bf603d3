// SPDX-License-Identifier: ISC
/*
 * The conversion of message/sevenbit, from a payload into a file in memory.  The message is read,
 * not mapped: a queue file that is cut meanwhile is an error, and no SIGBUS.
 */
#include "client/convert.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "message/sevenbit.h"

#define BLOCK 65536

struct copy {
	int fd;
	struct facts facts;
	size_t n;			/* octets in block */
	char block[BLOCK];
};

static int
flush(struct copy *c)
{
	size_t done = 0;

	while (done < c->n) {
		ssize_t n = write(c->fd, c->block + done, c->n - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	c->n = 0;
	return 0;
}

static int
take(void *ctx, struct slice octets)
{
	struct copy *c = ctx;
	int r = 0;

	facts_content(&c->facts, octets);
	while (r == 0 && octets.n) {
		const size_t room = sizeof c->block - c->n;
		const size_t n = octets.n < room ? octets.n : room;

		memcpy(c->block + c->n, octets.p, n);
		c->n += n;
		octets = slice_skip(octets, n);
		if (c->n == sizeof c->block)
			r = flush(c);
	}
	return r;
}

/* All octets of a message; the caller frees them. */
static int
load(const struct payload *message, char **ret)
{
	const size_t n = (size_t)message->size;
	char *octets = malloc(n ? n : 1);
	int r = octets ? payload_read(message, 0, octets, n) : -ENOMEM;

	if (r < 0) {
		free(octets);
		return r;
	}
	*ret = octets;
	return 0;
}

int
convert_sevenbit(const struct payload *message, struct facts *ret, const char **ret_why)
{
	struct copy *c = calloc(1, sizeof *c);
	const struct mime_sink sink = { take, c };
	char *octets = NULL;
	int r = c ? load(message, &octets) : -ENOMEM;

	if (r < 0)
		goto out;
	facts_begin(&c->facts);
	c->fd = memfd_create("converted", MFD_CLOEXEC);
	r = c->fd < 0 ? -errno :
	    mime_sevenbit(slice_of(octets, (size_t)message->size), &sink, ret_why);
	if (r == 0)
		r = flush(c);
	facts_end(&c->facts);
	if (r == 0) {
		*ret = c->facts;
		r = c->fd;
	} else if (c->fd >= 0) {
		(void)close(c->fd);
	}
out:
	free(octets);
	free(c);
	return r;
}
