// SPDX-License-Identifier: ISC
/*
 * The runner's lock, and its moves out of cur/ (queue/take has those into it).  All by
 * rename, so a message has one name at any time.  None of them is synced: a power
 * cut may undo one, and then the message is tried once more, which is allowed; it
 * is never without a name.
 */
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "queue/folders.h"
#include "queue/format.h"
#include "queue/look.h"

#define FOLDER_TRIES 4

/* Workers of a runner that was killed are killed with it; this is for those that take their time to die, and for an operator's
 * command that has the lock for an instant. */
#define ORPHANS_WAIT_MS 10000
#define ORPHANS_STEP_MS 20

/* That of fcntl(2): another runner is known at once.  What else may be wrong with the file is no reason to deliver nothing: it is
 * for speed only. */
static int
lock_file(const struct queue *q)
{
	struct flock alone = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = openat(q->state, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd >= 0 && fcntl(fd, F_SETLK, &alone) < 0 && (errno == EACCES || errno == EAGAIN)) {
		(void)close(fd);
		return -EWOULDBLOCK;
	}
	return 0;	/* the descriptor stays open: the end of the process closes it */
}

/* That of flock(2), on the folder itself: state/ may be deleted at any time, and then there would be two locks. */
static int
lock_folder(const struct queue *q)
{
	int r, fd = queue_folder(q->cur, ".", false);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

/*
 * Two locks.  The first belongs to the runner alone, so it tells at once that another runner lives.  The second is
 * inherited by its workers: as long as one of a dead runner still talks to an exchanger, nobody may begin with the same message.
 */
int
queue_lock_runner(const struct queue *q)
{
	const struct timespec step = { .tv_nsec = ORPHANS_STEP_MS * 1000000L };
	int r = lock_file(q);

	for (int waited = 0; r == 0; waited += ORPHANS_STEP_MS) {
		int fd = lock_folder(q);

		if (fd >= 0)
			break;		/* this one, too, is closed by the end of the process */
		if (fd != -EWOULDBLOCK || waited >= ORPHANS_WAIT_MS)
			r = fd;
		else
			(void)nanosleep(&step, NULL);
	}
	return r;
}

int
queue_lock_idle(const struct queue *q)
{
	return lock_folder(q);
}

/* By the same number, so that whoever has that need not know. */
int
queue_renew_state(const struct queue *q)
{
	int r = 0, fd = queue_folder(q->root, "state", true);

	if (fd < 0)
		return fd;
	if (dup3(fd, q->state, O_CLOEXEC) < 0)
		r = -errno;
	(void)close(fd);
	(void)lock_file(q);	/* who has that already waits for cur/ */
	return r;
}

/* A name in dead/ is never taken twice: what is there is kept until somebody has looked at it. */
int
queue_move_to_dead(const struct queue *q, int from, const char *name)
{
	char other[QUEUE_ID_SIZE + 1 + 200];
	struct stat st;
	int r;

	if (fstatat(q->dead, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return renameat(from, name, q->dead, name) < 0 ? -errno : 0;
	r = queue_id_make(other);
	if (r < 0)
		return r;
	(void)snprintf(other + QUEUE_ID_LEN, sizeof other - QUEUE_ID_LEN, ".%.199s", name);
	return renameat(from, name, q->dead, other) < 0 ? -errno : 0;
}

int
queue_finish(const struct queue *q, const char *id)
{
	if (!queue_is_id(id))
		return -EINVAL;
	return unlinkat(q->cur, id, 0) < 0 ? -errno : 0;
}

int
queue_bury(const struct queue *q, const char *id)
{
	if (!queue_is_id(id))
		return -EINVAL;
	return queue_move_to_dead(q, q->cur, id);
}

static int
count_attempt(struct queue_entry *e)
{
	unsigned attempts = e->attempts < QUEUE_TRIED_MAX ? e->attempts + 1 : QUEUE_TRIED_MAX;
	char digits[16];
	struct buf b = BUF(digits);
	int r;

	buf_fmt(&b, "%04u", attempts);
	r = queue_write_at(e->fd, buf_slice(&b), (off_t)QUEUE_TRIED_AT);
	if (r == 0)
		e->attempts = attempts;
	return r;
}

int
queue_hold(const struct queue *q, const struct queue_entry *e, int64_t due_s)
{
	/* Never 0, which means that nothing waits. */
	int64_t due = due_s < 1 ? 1 : due_s;
	char path[QUEUE_BUCKET_SIZE + QUEUE_ID_SIZE], bucket[QUEUE_BUCKET_SIZE];
	int r;

	(void)snprintf(bucket, sizeof bucket, "%" PRId64, due);
	(void)snprintf(path, sizeof path, "%s/%s", bucket, e->id);
	/* More than once: who takes the last message out of a folder removes it, perhaps just now. */
	for (int i = 0; i < FOLDER_TRIES; i++) {
		if (renameat(q->cur, e->id, q->wait, path) == 0)
			return 0;
		if (errno != ENOENT)
			return -errno;
		if (mkdirat(q->wait, bucket, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	if (renameat(q->cur, e->id, q->wait, path) == 0)
		return 0;
	r = -errno;
	(void)unlinkat(q->wait, bucket, AT_REMOVEDIR);	/* not for nothing: it would count as due */
	return r;
}

int
queue_defer(const struct queue *q, struct queue_entry *e, int64_t due_s)
{
	int r = count_attempt(e);

	return r < 0 ? r : queue_hold(q, e, due_s);
}
