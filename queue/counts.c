// SPDX-License-Identifier: ISC
/*
 * Files of counters: stats/sessions, which the handler's user makes and writes, and state/counts,
 * which the relay's user does.  Mail never depends on them.
 */
#include "queue/counts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/folders.h"

#define FILE_FLAGS (O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

/* Make a file of the right size, or give a file this size. */
static int
make_file(int folder, const char *name, mode_t mode)
{
	const int fd = openat(folder, name, FILE_FLAGS | O_CREAT, mode);
	struct stat st;
	int r;

	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && (!S_ISREG(st.st_mode) || st.st_nlink != 1))
		r = -EBADMSG;
	if (r == 0 && st.st_size != QUEUE_COUNTS_SIZE && ftruncate(fd, QUEUE_COUNTS_SIZE) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

int
queue_counts_of_sessions(int root, int folder, bool handing)
{
	/* The common case is one call. */
	const int fd = openat(root, QUEUE_STATS "/sessions", FILE_FLAGS);

	if (fd >= 0 || errno != ENOENT || folder < 0)
		return fd < 0 ? -errno : fd;
	return make_file(folder, "sessions", handing ? QUEUE_COUNTED_MODE : 0600);
}

int
queue_counts_of_runs(int state)
{
	return make_file(state, "counts", 0600);
}

int
queue_counts_look(const struct queue *q, bool sessions)
{
	const int folder = sessions ? queue_folder(q->root, QUEUE_STATS, false) : q->state;
	off_t size;
	int fd;

	if (folder < 0)
		return sessions ? folder : -ENOENT;
	fd = queue_file_look(folder, sessions ? "sessions" : "counts", &size);
	if (sessions)
		(void)close(folder);
	return fd;
}
