// SPDX-License-Identifier: ISC
/*
 * The conversion of message/sevenbit, from the queue file into a file in memory.  The copy travels
 * as any other payload does.
 */
#include "client/convert.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "message/facts.h"
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

static struct slice
content_of(const struct queue_entry *e, const void *file)
{
	return slice_of((const char *)file + e->content_at, (size_t)e->content_size);
}

int
convert_sevenbit(const struct queue_entry *e, struct payload *ret, const char **ret_why)
{
	struct copy *c = calloc(1, sizeof *c);
	const struct mime_sink sink = { take, c };
	const size_t n = (size_t)(e->content_at + e->content_size);
	/* The mapping stays valid: only the log behind the content grows and is cut. */
	void *file = mmap(NULL, n, PROT_READ, MAP_PRIVATE, e->fd, 0);
	int r = file == MAP_FAILED ? -errno : 0;

	if (!c || r < 0) {
		r = c ? r : -ENOMEM;
		goto out;
	}
	facts_begin(&c->facts);
	c->fd = memfd_create("converted", MFD_CLOEXEC);
	r = c->fd < 0 ? -errno : mime_sevenbit(content_of(e, file), &sink, ret_why);
	if (r == 0)
		r = flush(c);
	if (r == 0) {
		/* No other fact can be true of a text in seven bits. */
		const struct queue_facts facts = {
			.dot_line = c->facts.dot_line,
			.longest_line = c->facts.longest_line,
		};

		payload_init(ret, &facts);
		payload_add_file(ret, c->fd, 0, c->facts.octets);
		r = c->fd;
	} else if (c->fd >= 0) {
		(void)close(c->fd);
	}
out:
	if (file != MAP_FAILED)
		(void)munmap(file, n);
	free(c);
	return r;
}
