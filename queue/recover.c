// SPDX-License-Identifier: ISC
/*
 * What writers that are no more have left in tmp/, by a crash of theirs or of the machine:
 * the second half of the promise that queue.c's file comment explains.  A complete
 * message may have been acknowledged, so it is brought back; an incomplete one
 * was not, and goes.  One that is locked is being written, and is left alone.
 */
#include "queue.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "queue/folders.h"
#include "queue/format.h"

struct recovery {
	const struct queue *q;
	int count;
	int error;		/* the first one: a file that resists must not keep the others */
};

static int
check_sum(int fd, const struct queue_fixed *fixed)
{
	char piece[65536];
	uint64_t at = QUEUE_FIXED;
	struct queue_sum sum;

	queue_sum_init(&sum);
	while (at < fixed->size) {
		size_t n = fixed->size - at < sizeof piece ? (size_t)(fixed->size - at) : sizeof piece;
		int r = queue_read_at(fd, piece, n, (off_t)at);

		if (r < 0)
			return r;
		queue_sum_add(&sum, slice_of(piece, n));
		at += n;
	}
	return queue_sum_end(&sum) == fixed->sum ? 0 : -EBADMSG;
}

/*
 * 0, -EBADMSG when something is missing, or -errno when nobody can tell.  The sum holds only
 * here: behind tmp/ the states of recipients, which it covers, change.
 */
static int
complete(int fd, off_t size)
{
	char text[QUEUE_FIXED];
	struct queue_fixed fixed;
	int r;

	if ((uint64_t)size < sizeof text)
		return -EBADMSG;
	r = queue_read_at(fd, text, sizeof text, 0);
	if (r == 0)
		r = queue_fixed_parse(text, &fixed);
	if (r == 0 && fixed.size > (uint64_t)size)
		r = -EBADMSG;
	return r < 0 ? r : check_sum(fd, &fixed);
}

static int
bring_back(struct recovery *v, const char *name)
{
	const struct queue *q = v->q;
	off_t size;
	int r, fd = queue_file(q->tmp, name, &size);

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK ? 0 : -errno;
	} else if ((size = lseek(fd, 0, SEEK_END)) < 0) {
		r = -errno;
	} else {
		r = complete(fd, size);
		if (r == 0)
			r = renameat(q->tmp, name, q->fresh, name) < 0 ? -errno : 1;
		else if (r == -EBADMSG)
			r = unlinkat(q->tmp, name, 0) < 0 ? -errno : 0;
	}
	(void)close(fd);	/* and the lock with it: what was unlinked is now seen so by its writer */
	return r;
}

static int
recover_one(void *ctx, const char *name)
{
	struct recovery *v = ctx;
	int r = queue_is_id(name) ? bring_back(v, name) : 0;

	/* -ENOENT: its writer published it, or dropped it, between our look and its lock. */
	if (r > 0)
		v->count++;
	else if (r < 0 && r != -ENOENT && v->error == 0)
		v->error = r;
	return 0;
}

int
queue_recover(const struct queue *q)
{
	struct recovery v = { .q = q };
	int r = queue_names(q->tmp, recover_one, &v);

	if (r == 0)
		r = v.error;
	return r < 0 ? r : v.count;
}
