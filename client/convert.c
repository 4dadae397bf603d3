// SPDX-License-Identifier: ISC
/*
 * The conversion of message/sevenbit, from the queue file into memory that is a file: what travels then is a payload like
 * any other.  Called by client/transaction, at most once for a delivery.
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
	uint64_t size, line;
	struct queue_facts facts;
	size_t n;
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

static void
note(struct copy *c, char octet)
{
	if (octet == '\n') {
		c->line = 0;
		return;
	}
	c->facts.dot_line |= c->line == 0 && octet == '.';
	if (octet != '\r' && ++c->line > c->facts.longest_line)
		c->facts.longest_line = c->line;
}

static int
take(void *ctx, struct slice octets)
{
	struct copy *c = ctx;
	int r = 0;

	c->size += octets.n;
	for (size_t i = 0; r == 0 && i < octets.n; i++) {
		note(c, octets.p[i]);
		c->block[c->n++] = octets.p[i];
		if (c->n == sizeof c->block)
			r = flush(c);
	}
	return r;
}

int
convert_sevenbit(const struct queue_entry *e, struct payload *ret, const char **ret_why)
{
	struct copy *c = calloc(1, sizeof *c);
	const struct mime_sink sink = { take, c };
	const size_t n = (size_t)(e->content_at + e->content_size);
	/* Nobody makes it shorter while we look: what is cut and grows is the log behind the content. */
	void *file = mmap(NULL, n, PROT_READ, MAP_PRIVATE, e->fd, 0);
	int r = file == MAP_FAILED ? -errno : 0;

	if (!c || r < 0) {
		r = c ? r : -ENOMEM;
		goto out;
	}
	c->fd = memfd_create("converted", MFD_CLOEXEC);
	r = c->fd < 0 ? -errno
		      : mime_sevenbit(slice_of((const char *)file + e->content_at, (size_t)e->content_size), &sink, ret_why);
	if (r == 0)
		r = flush(c);
	if (r == 0)
		*ret = (struct payload){ .fd = c->fd, .size = c->size, .facts = c->facts };
	else if (c->fd >= 0)
		(void)close(c->fd);
out:
	if (file != MAP_FAILED)
		(void)munmap(file, n);
	free(c);
	return r;
}
