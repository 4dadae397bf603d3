// SPDX-License-Identifier: ISC
/*
 * Opening and making a queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/owner.h"
#include "queue/folders.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* A new queue of root's becomes the service's.  The name of the queue must outlive a power cut. */
static int
finish_root(int fd)
{
	struct owner o;
	struct stat st;
	int above, r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (geteuid() == 0 && st.st_uid == 0 && owner_service(&o) &&
	    fchown(fd, o.uid, o.gid) < 0)
		return -errno;
	above = openat(fd, "..", FOLDER_FLAGS);
	if (above < 0)
		return -errno;
	r = queue_sync_folder(above);
	(void)close(above);
	return r;
}

/* Open the queue's own folder.  If create is set, its last component is created and synced. */
static int
root_folder(const char *directory, bool create)
{
	int fd = open(directory, FOLDER_FLAGS), r;

	if (fd >= 0 || errno != ENOENT || !create)
		return fd < 0 ? -errno : fd;
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(directory, FOLDER_FLAGS | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	r = finish_root(fd);
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

/* Root becomes the owner of the queue before it makes or opens anything in it. */
static int
become_owner(int root)
{
	struct stat st;

	if (fstat(root, &st) < 0)
		return -errno;
	return owner_become(&(struct owner){ .uid = st.st_uid, .gid = st.st_gid });
}

int
queue_open(struct queue *q, const char *directory, enum queue_use use)
{
	struct queue made = { -1, -1, -1, -1, -1, -1, -1, -1 };
	const struct {
		int *fd;
		const char *name;
		enum queue_use use;
	} folders[] = {
		{ &made.tmp, "tmp", QUEUE_RECEIVE },
		{ &made.fresh, "new", QUEUE_RECEIVE },
		{ &made.cur, "cur", QUEUE_RUN },
		{ &made.wait, "wait", QUEUE_RUN },
		{ &made.hold, "hold", QUEUE_RUN },
		{ &made.dead, "dead", QUEUE_RUN },
		{ &made.state, "state", QUEUE_RUN },
	};
	int r = root_folder(directory, use != QUEUE_LOOK);

	*q = made;
	if (r < 0)
		return r;
	made.root = r;
	r = become_owner(made.root);
	if (r < 0) {
		queue_close(&made);
		return r;
	}
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		if (folders[i].use > use)
			continue;
		r = queue_folder(made.root, folders[i].name, use != QUEUE_LOOK);
		if (r == -ENOENT && use == QUEUE_LOOK)
			continue;
		if (r < 0) {
			queue_close(&made);
			return r;
		}
		*folders[i].fd = r;
	}
	if (use == QUEUE_RECEIVE) {
		(void)close(made.root);
		made.root = -1;
	}
	*q = made;
	return 0;
}

void
queue_close(struct queue *q)
{
	int *all[] = {
		&q->root, &q->tmp, &q->fresh, &q->cur, &q->wait, &q->hold, &q->dead, &q->state,
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (*all[i] >= 0)
			(void)close(*all[i]);
		*all[i] = -1;
	}
}
