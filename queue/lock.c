// SPDX-License-Identifier: ISC
/*
 * One runner at a time.  There are two locks.  The lock file shows at once that another runner
 * lives.  The lock on cur/ is shared with the workers.  The holder of the locks may remove what the
 * last runner left.
 */
#include "queue/run.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "queue/folders.h"
#include "queue/lease.h"
#include "queue/operator.h"

/* Workers of a killed runner are killed with it.  This is the time for those that are slow to die,
 * and for an operator's command that holds the lock for a moment. */
#define ORPHANS_WAIT_MS 10000
#define ORPHANS_STEP_MS 20

/* Take the fcntl(2) lock on state/lock: it shows at once that another runner lives.  Other errors
 * on the file are ignored, because the lock on cur/ is sufficient; this one only saves time. */
static int
lock_file(const struct queue *q)
{
	struct flock alone = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = openat(q->state, "lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd >= 0 && fcntl(fd, F_SETLK, &alone) < 0 && (errno == EACCES || errno == EAGAIN)) {
		(void)close(fd);
		return -EWOULDBLOCK;
	}
	return 0;	/* the descriptor stays open until the process ends */
}

/* Take the flock(2) lock on the folder cur/ itself.  A lock file would not do: state/ may be
 * deleted at any time, and then two runners could hold a lock. */
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
 * Take both locks.  The first belongs to the runner alone, so it shows at once that another runner
 * lives.  The second is inherited by the workers.  While a worker of a dead runner still talks to a
 * host, no other process may start on its message.
 */
int
queue_lock_runner(struct queue *q)
{
	const struct timespec step = { .tv_nsec = ORPHANS_STEP_MS * 1000000L };
	int r = lock_file(q);

	for (int waited = 0; r == 0; waited += ORPHANS_STEP_MS) {
		int fd = lock_folder(q);

		if (fd >= 0) {
			q->lock = fd;
			break;
		}
		if (fd != -EWOULDBLOCK || waited >= ORPHANS_WAIT_MS)
			r = fd;
		else
			(void)nanosleep(&step, NULL);
	}
	return r;
}

int
queue_break_lock(const struct queue *q)
{
	return unlinkat(q->state, "lock", 0) < 0 && errno != ENOENT ? -errno : 0;
}

bool
queue_runner_lives(const struct queue *q)
{
	struct flock alone = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	const int fd = openat(q->state, "lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool lives;

	if (fd < 0)
		return false;
	lives = fcntl(fd, F_GETLK, &alone) == 0 && alone.l_type != F_UNLCK;
	(void)close(fd);
	return lives;
}

int
queue_lock_idle(const struct queue *q)
{
	return lock_folder(q);
}

/* Open state/ again under the same descriptor number, so that its users need not be informed. */
int
queue_renew_state(const struct queue *q)
{
	int r = 0, fd = queue_folder(q->root, "state", true);

	if (fd < 0)
		return fd;
	if (dup3(fd, q->state, O_CLOEXEC) < 0)
		r = -errno;
	(void)close(fd);
	(void)lock_file(q);	/* another process with this lock waits for cur/ already */
	return r;
}

static int
sweep_draft(void *ctx, const char *name)
{
	const struct queue *q = ctx;
	const size_t n = strlen(name), end = sizeof FILE_NEW - 1;

	if (n > end && strcmp(name + n - end, FILE_NEW) == 0)
		(void)unlinkat(q->state, name, 0);
	return 0;
}

void
queue_state_sweep(const struct queue *q)
{
	if (queue_lease_check(q) == 0)
		(void)queue_names(q->state, sweep_draft, (void *)(uintptr_t)q);
}
