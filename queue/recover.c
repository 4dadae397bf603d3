// SPDX-License-Identifier: ISC
/*
 * Recovery of files in tmp/ whose writer is gone, after a crash of the process or of the machine.
 * The file comment of queue.c explains the promise.  A complete message may have been acknowledged,
 * so it is brought back.  An incomplete one was not acknowledged and is deleted.  A locked file is
 * being written and left alone.
 *
 * The size of a file may be anything, so the work is done a piece at a time.
 */
#include "queue/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/folders.h"
#include "queue/format.h"
#include "queue/lease.h"
#include "queue/reading.h"

/* A file of tmp/ that is being looked at.  Its lock is held. */
struct queue_found {
	int fd;
	char id[QUEUE_ID_SIZE];
	struct queue_proof proof;
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
	char *text;
	int r = queue_envelope_read(fd, fixed->envelope, 0, &text);

	if (r < 0)
		return r;
	r = queue_envelope_parse(slice_of(text, fixed->envelope), &e);
	for (size_t i = 0; r == 0 && i < e.nrcpts; i++)
		text[e.rcpts[i].at] = QUEUE_PENDING;
	/* An envelope that does not parse is summed as it is: if it was written like this, the
	 * runner buries it. */
	r = r == -EBADMSG ? 0 : r;
	queue_sum_add(sum, slice_skip(slice_of(text, fixed->envelope), QUEUE_FIXED));
	queue_unload(&e);
	free(text);
	return r;
}

int
queue_proof_begin(int fd, off_t size, struct queue_proof *ret)
{
	char text[QUEUE_FIXED];
	int r;

	if ((uint64_t)size < sizeof text)
		return -EBADMSG;
	r = queue_read_at(fd, text, sizeof text, 0);
	if (r == 0)
		r = queue_fixed_parse(text, &ret->fixed);
	if (r == 0 && ret->fixed.size > (uint64_t)size)
		r = -EBADMSG;
	queue_sum_init(&ret->sum);
	if (r == 0)
		r = sum_envelope(fd, &ret->fixed, &ret->sum);
	ret->at = ret->fixed.envelope;
	return r;
}

/* The octets from the offset to the next data of a sparse file. */
static uint64_t
hole_at(int fd, uint64_t at, uint64_t end)
{
	const off_t data = lseek(fd, (off_t)at, SEEK_DATA);

	if (data < 0)
		return errno == ENXIO ? end - at : 0;
	return (uint64_t)data < end ? (uint64_t)data - at : end - at;
}

int
queue_proof_step(int fd, struct queue_proof *p)
{
	char piece[65536];
	const uint64_t rest = p->fixed.size - p->at;
	const size_t n = rest < sizeof piece ? (size_t)rest : sizeof piece;
	int r = n ? queue_read_at(fd, piece, n, (off_t)p->at) : 0;
	uint64_t hole;

	if (r < 0)
		return r;
	queue_sum_add(&p->sum, slice_of(piece, n));
	p->at += n;
	if (n == sizeof piece && piece[0] == '\0' && memcmp(piece, piece + 1, n - 1) == 0) {
		hole = hole_at(fd, p->at, p->fixed.size);
		queue_sum_zeros(&p->sum, hole);
		p->at += hole;
	}
	if (p->at < p->fixed.size)
		return 1;
	return queue_sum_end(&p->sum) == p->fixed.sum ? 0 : -EBADMSG;
}

int
queue_complete(int fd, off_t size)
{
	struct queue_proof proof = { 0 };
	int r = queue_proof_begin(fd, size, &proof);

	if (r == 0)
		do
			r = queue_proof_step(fd, &proof);
		while (r > 0);
	return r;
}

/* Has the name another file by now?  A writer that begins anew under its ID holds the lock of the
 * first file until the name is that of the second one. */
static int
check_name(const struct queue *q, const struct queue_found *f)
{
	struct stat mine, named;

	if (fstat(f->fd, &mine) < 0 || fstatat(q->tmp, f->id, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return mine.st_ino == named.st_ino && mine.st_dev == named.st_dev ? 0 : -EBUSY;
}

/* Open and lock a file, and begin its proof.  0; -EBUSY if it is being written; -errno. */
static int
open_found(const struct queue *q, const char *id, struct queue_found *f)
{
	off_t size = 0;
	int r;

	memcpy(f->id, id, sizeof f->id);
	f->fd = queue_file(q->tmp, id, &size);
	if (f->fd < 0)
		return f->fd;
	if (flock(f->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	r = check_name(q, f);
	if (r < 0)
		return r;
	size = lseek(f->fd, 0, SEEK_END);
	return size < 0 ? -errno : queue_proof_begin(f->fd, size, &f->proof);
}

/* Move or delete a file, by the result of its proof.  1 if it was moved, 0 or -errno. */
static int
finish_found(const struct queue *q, struct queue_found *f, int proved)
{
	const int held = proved == 0 || proved == -EBADMSG ? queue_lease_check(q) : 0;
	int r = held < 0 ? held : proved;

	if (r == 0)
		r = renameat(q->tmp, f->id, q->fresh, f->id) < 0 ? -errno : 1;
	else if (held == 0 && r == -EBADMSG && f->fd >= 0)
		r = unlinkat(q->tmp, f->id, 0) < 0 ? -errno : 0;
	/* This also releases the lock.  A writer that gets it next sees that its file was
	 * unlinked. */
	if (f->fd >= 0)
		(void)close(f->fd);
	/* -EBUSY: it is being written.  -ENOENT: its writer committed or removed it after we read
	 * the name. */
	return r == -EBUSY || r == -ENOENT ? 0 : r;
}

/* Take the next piece of the current file.  1 if the file was moved, 0 or -errno. */
static int
go_on_with(const struct queue *q, struct queue_recovery *v)
{
	int r = queue_proof_step(v->found->fd, &v->found->proof);

	if (r > 0)
		return 0;
	r = finish_found(q, v->found, r);
	if (r < 0)
		v->failed(v->ctx, v->found->id, r);
	free(v->found);
	v->found = NULL;
	return r;
}

/* Begin with the next file.  0 or -errno; v->found stays NULL if there is none. */
static int
begin_next(const struct queue *q, struct queue_recovery *v)
{
	struct queue_found f = { .fd = -1 };
	int r = 0;
	const char *name = queue_walk_next(&v->walk, &r);

	if (!name || !queue_is_id(name))
		return r;
	queue_reading_begin(name);
	r = open_found(q, name, &f);
	queue_reading_end();
	if (r == 0) {
		v->found = malloc(sizeof f);
		if (v->found) {
			*v->found = f;
			return 0;
		}
		r = -ENOMEM;
	}
	r = finish_found(q, &f, r);
	if (r < 0)
		v->failed(v->ctx, f.id, r);
	return 0;
}

int
queue_recover(const struct queue *q, struct queue_recovery *v, int64_t until_us)
{
	int count = 0, r = queue_recovering(v) ? 0 : queue_walk_begin(&v->walk, q->tmp);

	while (r == 0 && queue_recovering(v)) {
		if (v->found)
			count += go_on_with(q, v) > 0;
		else
			r = begin_next(q, v);
		if (clock_us() >= until_us)
			break;
	}
	return r < 0 ? r : count;
}

bool
queue_recovering(const struct queue_recovery *v)
{
	return v->walk.names || v->found;
}

void
queue_recovery_end(struct queue_recovery *v)
{
	queue_walk_end(&v->walk);
	if (v->found)
		(void)close(v->found->fd);
	free(v->found);
	v->found = NULL;
}
