// SPDX-License-Identifier: ISC
/*
 * Recovery of files in tmp/ whose writer is gone, after a crash of the process or of the machine.
 * The file comment of queue.c explains the promise.  A complete message may have been acknowledged,
 * so it is brought back.  An incomplete one was not acknowledged and is deleted.  A locked file is
 * being written and left alone.
 */
#include "queue/run.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "queue/folders.h"
#include "queue/format.h"

struct recovery {
	const struct queue *q;
	int count;
	int error;		/* the first one: one bad file must not stop the others */
};

/*
 * Sum the envelope with every recipient pending, as it was when the sum was made.  The runner may
 * have had the message before the power cut: the cut can undo the renames out of tmp/, but not the
 * marks.  A mark is a write in place, which no journal orders.
 */
static int
sum_envelope(int fd, const struct queue_fixed *fixed, struct queue_sum *sum)
{
	struct queue_entry e = { .fd = -1 };
	char *text = malloc(fixed->envelope);
	int r;

	if (!text)
		return -ENOMEM;
	r = queue_read_at(fd, text, fixed->envelope, 0);
	if (r == 0) {
		r = queue_envelope_parse(slice_of(text, fixed->envelope), &e);
		for (size_t i = 0; r == 0 && i < e.nrcpts; i++)
			text[e.rcpts[i].at] = QUEUE_PENDING;
		/* An envelope that does not parse is summed as it is: if it was written like this,
		 * the runner buries it. */
		r = r == -EBADMSG ? 0 : r;
		queue_sum_add(sum, slice_skip(slice_of(text, fixed->envelope), QUEUE_FIXED));
	}
	queue_unload(&e);
	free(text);
	return r;
}

static int
sum_content(int fd, const struct queue_fixed *fixed, struct queue_sum *sum)
{
	char piece[65536];
	int r = 0;

	for (uint64_t at = fixed->envelope; r == 0 && at < fixed->size;) {
		const uint64_t rest = fixed->size - at;
		const size_t n = rest < sizeof piece ? (size_t)rest : sizeof piece;

		r = queue_read_at(fd, piece, n, (off_t)at);
		if (r == 0)
			queue_sum_add(sum, slice_of(piece, n));
		at += n;
	}
	return r;
}

int
queue_complete(int fd, off_t size)
{
	char text[QUEUE_FIXED];
	struct queue_fixed fixed = { 0 };
	struct queue_sum sum;
	int r;

	if ((uint64_t)size < sizeof text)
		return -EBADMSG;
	r = queue_read_at(fd, text, sizeof text, 0);
	if (r == 0)
		r = queue_fixed_parse(text, &fixed);
	if (r == 0 && fixed.size > (uint64_t)size)
		r = -EBADMSG;
	queue_sum_init(&sum);
	if (r == 0)
		r = sum_envelope(fd, &fixed, &sum);
	if (r == 0)
		r = sum_content(fd, &fixed, &sum);
	if (r == 0 && queue_sum_end(&sum) != fixed.sum)
		r = -EBADMSG;
	return r;
}

static int
bring_back(struct recovery *v, const char *name)
{
	const struct queue *q = v->q;
	off_t size = 0;
	int r, fd = queue_file(q->tmp, name, &size);

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK ? 0 : -errno;
	} else if ((size = lseek(fd, 0, SEEK_END)) < 0) {
		r = -errno;
	} else {
		r = queue_complete(fd, size);
		if (r == 0)
			r = renameat(q->tmp, name, q->fresh, name) < 0 ? -errno : 1;
		else if (r == -EBADMSG)
			r = unlinkat(q->tmp, name, 0) < 0 ? -errno : 0;
	}
	/* This also releases the lock.  A writer that gets it next sees that its file was
	 * unlinked. */
	(void)close(fd);
	return r;
}

static int
recover_one(void *ctx, const char *name)
{
	struct recovery *v = ctx;
	int r = queue_is_id(name) ? bring_back(v, name) : 0;

	/* -ENOENT: its writer committed or removed it after we read the name. */
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
