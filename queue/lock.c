// SPDX-License-Identifier: ISC
/*
 * One runner at a time.  Two locks: the lock file tells at once that another runner lives, the lock
 * on cur/ is shared with its workers.
 */
#include "queue/run.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "queue/folders.h"
#include "queue/operator.h"

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
