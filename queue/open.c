// SPDX-License-Identifier: ISC
/*
 * Opening and making a queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "queue/access.h"
#include "queue/counts.h"
#include "queue/folders.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

static const struct {
	const char *name;
	size_t at;		/* offset in struct queue */
	enum queue_use use;
} folders[] = {
	{ "tmp", offsetof(struct queue, tmp), QUEUE_RECEIVE },
	{ "new", offsetof(struct queue, fresh), QUEUE_RECEIVE },
	{ "cur", offsetof(struct queue, cur), QUEUE_RUN },
	{ "wait", offsetof(struct queue, wait), QUEUE_RUN },
	{ "hold", offsetof(struct queue, hold), QUEUE_RUN },
	{ "dead", offsetof(struct queue, dead), QUEUE_RUN },
	{ "state", offsetof(struct queue, state), QUEUE_RUN },
};

#define FOLDERS (sizeof folders / sizeof folders[0])

/* A new queue of root's is the service's.  The name of the queue must outlive a power cut. */
static int
finish_root(int fd)
{
	struct owner_pair pair;
	struct queue_access access;
	struct stat st;
	int above, r = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (geteuid() == 0 && st.st_uid == 0 && owner_pair_new(&pair)) {
		access = queue_access_of_folder(&pair, NULL);
		r = queue_access_give(fd, &access);
	}
	if (r < 0 && r != -EINVAL)	/* EINVAL: a namespace of one user, without these */
		return r;
	above = openat(fd, "..", FOLDER_FLAGS);
	if (above < 0)
		return -errno;
	r = queue_sync_folder(above);
	(void)close(above);
	return r;
}

/* Open the queue's own folder.  If the queue is not to be looked at only, its last component is
 * created and synced.  The handler may pass another user's folder, and not read it. */
static int
root_folder(const char *directory, enum queue_use use)
{
	int fd = open(directory, FOLDER_FLAGS), r;

	if (fd < 0 && errno == EACCES && use == QUEUE_RECEIVE)
		fd = open(directory, FOLDER_FLAGS | O_PATH);
	if (fd >= 0 || errno != ENOENT || use == QUEUE_LOOK)
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

/* Open a folder; if it is missing, or its mode shuts the handler out, give it the mode that it
 * should have.  A descriptor or -errno. */
static int
open_or_make(int root, const char *name, const struct stat *st)
{
	struct owner_pair pair;
	struct queue_access access;
	int r, fd = queue_folder(root, name, false);

	if (fd >= 0 && !queue_access_lost(fd, name, st))
		return fd;
	if (fd == -ENOENT)
		fd = queue_folder(root, name, true);
	if (fd < 0)
		return fd;
	owner_pair_of(st->st_uid, st->st_gid, &pair);
	access = queue_access_of_folder(&pair, name);
	r = pair.two ? queue_access_give(fd, &access) : 0;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

/* Root makes the folders that its user may not make, and becomes that user before it opens anything
 * in the queue. */
static int
become_user(int root, const struct stat *st, enum queue_use use)
{
	struct owner_pair pair;

	if (geteuid() != 0)
		return 0;
	owner_pair_of(st->st_uid, st->st_gid, &pair);
	for (size_t i = 0; i < FOLDERS && pair.two && folders[i].use <= use; i++) {
		const int fd = use == QUEUE_LOOK ? -1 : open_or_make(root, folders[i].name, st);

		if (fd >= 0)
			(void)close(fd);
	}
	if (pair.two && use != QUEUE_LOOK)
		(void)close(open_or_make(root, QUEUE_STATS, st));
	return owner_become(owner_in(&pair, use == QUEUE_RECEIVE ? OWNER_HANDLER : OWNER_RELAY));
}

/* Journalling file systems write the name of a new file with the file (queue.c).  ext2 has the
 * number of ext4: the driver of ext4, which mounts it, writes the name, too. */
static bool
syncs_names(int folder)
{
	struct statfs fs;

	return fstatfs(folder, &fs) == 0 && (fs.f_type == EXT4_SUPER_MAGIC ||
	    fs.f_type == XFS_SUPER_MAGIC || fs.f_type == BTRFS_SUPER_MAGIC);
}

/* Open the folders in q->root, whose state is st.  0 or -errno. */
static int
open_folders(struct queue *q, const struct stat *st, enum queue_use use)
{
	for (size_t i = 0; i < FOLDERS; i++) {
		const char *name = folders[i].name;
		int fd;

		if (folders[i].use > use)
			continue;
		if (q->handing)
			fd = openat(q->root, name, FOLDER_FLAGS | O_NOFOLLOW | O_PATH);
		else if (use == QUEUE_LOOK)
			fd = queue_folder(q->root, name, false);
		else
			fd = open_or_make(q->root, name, st);
		if (q->handing && fd < 0)
			return errno == ENOENT ? -EACCES : -errno;
		if (fd == -ENOENT && use == QUEUE_LOOK)
			continue;
		if (fd < 0)
			return fd;
		*(int *)((char *)q + folders[i].at) = fd;
	}
	return 0;
}

/* Counters are no reason to refuse mail: without them q->counts stays negative. */
static void
open_counts(struct queue *q, const struct stat *st, enum queue_use use)
{
	int folder;

	if (use == QUEUE_RECEIVE)
		q->counts = queue_counts_of_sessions(q->root, -1, q->handing);
	if (use == QUEUE_LOOK || q->counts >= 0)
		return;
	folder = q->handing ? openat(q->root, QUEUE_STATS, FOLDER_FLAGS | O_NOFOLLOW | O_PATH)
			    : open_or_make(q->root, QUEUE_STATS, st);
	if (use == QUEUE_RECEIVE)
		q->counts = queue_counts_of_sessions(q->root, folder, q->handing);
	else
		q->counts = queue_counts_of_runs(q->state);
	if (folder >= 0)
		(void)close(folder);
}

int
queue_open(struct queue *q, const char *directory, enum queue_use use)
{
	struct queue made = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, false, false,
		NULL };
	struct stat st;
	int r = root_folder(directory, use);

	*q = made;
	if (r < 0)
		return r;
	made.root = r;
	r = fstat(made.root, &st) < 0 ? -errno : become_user(made.root, &st, use);
	made.handing = use == QUEUE_RECEIVE && st.st_uid != geteuid();
	if (r == 0)
		r = open_folders(&made, &st, use);
	if (r < 0) {
		queue_close(&made);
		return r;
	}
	open_counts(&made, &st, use);
	if (use == QUEUE_RECEIVE) {
		(void)close(made.root);
		made.root = -1;
	}
	made.names_apart = !syncs_names(made.tmp);
	*q = made;
	return 0;
}

static bool
is_removed(int folder)
{
	struct stat st;

	return folder >= 0 && fstat(folder, &st) == 0 && st.st_nlink == 0;
}

bool
queue_stale(const struct queue *q)
{
	return is_removed(q->tmp) || is_removed(q->fresh) || is_removed(q->cur) ||
	    is_removed(q->wait);
}

void
queue_close(struct queue *q)
{
	int *all[] = {
		&q->root, &q->tmp, &q->fresh, &q->cur, &q->wait, &q->hold, &q->dead, &q->state,
		&q->lock, &q->counts,
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (*all[i] >= 0)
			(void)close(*all[i]);
		*all[i] = -1;
	}
}
