// SPDX-License-Identifier: ISC
/*
 * The table of promises, and the folder in which each is tested.  A file system keeps more than
 * these: nothing here needs links, or names in an order.  Whether synced octets outlive a power cut
 * cannot be seen from outside.
 */
#include "queue/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/folders.h"
#include "queue/storage_bench.h"

static const struct promise {
	const char *name, *promise, *remedy;
	bool (*keeps)(struct bench *b);
} promises[] = {
	{ "rename", "a rename moves a file: one name goes, the other comes",
	  "use another file system", storage_renames },
	{ "exclusive", "a new name is created by one process only",
	  "use another file system, or NFS version 3 or later", storage_creates_once },
	{ "claim", "of two renames of one file, one fails",
	  "use another file system", storage_claims_once },
	{ "replace", "a file that is replaced is there at any time, the old or the new one",
	  "use another file system", storage_replaces },
	{ "folders", "only an empty folder is removed or replaced",
	  "use another file system", storage_keeps_folders },
	{ "open", "an open file that was removed can still be read and written",
	  "use another file system; for FUSE, mount it without hard_remove", storage_keeps_open },
	{ "sync", "files and folders can be synced",
	  "use another file system, such as ext4, xfs or btrfs: a power cut could lose mail",
	  storage_syncs },
	{ "in-place", "an octet is written in place, and read by others after it was synced",
	  "mount it without a cache of contents (GlusterFS: direct-io-mode=enable; FUSE: "
	  "direct_io), or use another file system",
	  storage_writes_in_place },
	{ "lock", "locks of files hold between processes and clients, and end with their process",
	  "mount it with locks that all clients share (NFS: without nolock and local_lock; FUSE: "
	  "a file system that passes locks on)", storage_locks },
	{ "visible", "a client sees what another has renamed, written or removed, within 2 s",
	  "mount it with less caching (NFS: lookupcache=none,actimeo=1; FUSE: entry_timeout, "
	  "attr_timeout and negative_timeout of at most 1)", storage_shows },
	{ "list", "a list of a folder has each name once, while files of it are renamed",
	  "use another file system", storage_lists },
	{ "time", "new files have the time of this machine, within 5 s",
	  "run the same time service on this machine and on the server of the files",
	  storage_has_time },
	{ "mode", "files and folders have the mode that they get",
	  "use a file system of Unix, and mount it without a forced mode", storage_has_modes },
	{ "space", "the file system knows its free space",
	  "use another file system: mail would be refused as if the disk were full",
	  storage_has_space },
};

/* ---- the folder of the tests ---- */

static int
remove_name(void *ctx, const char *name)
{
	const int folder = *(const int *)ctx;
	int inner;

	if (unlinkat(folder, name, 0) == 0)
		return 0;
	inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (inner < 0)
		return 0;
	(void)queue_names(inner, remove_name, &inner);
	(void)close(inner);
	(void)unlinkat(folder, name, AT_REMOVEDIR);
	return 0;
}

struct opening {
	int folder;
	const char *name;
	int fd;
};

static bool
can_open(void *ctx)
{
	struct opening *o = ctx;

	o->fd = openat(o->folder, o->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return o->fd >= 0;
}

/* Make a folder in a, and open it in b, too.  The other client may see it late.  0 or -errno. */
static int
make_both(int a, int b, const char *name, int *ret_a, int *ret_b)
{
	struct opening mine = { .folder = a, .name = name, .fd = -1 };
	struct opening other = { .folder = b, .name = name, .fd = -1 };

	if (mkdirat(a, name, 0700) < 0 || !can_open(&mine))
		return -errno;
	if (!bench_wait(can_open, &other)) {
		(void)close(mine.fd);
		return errno == ENOENT ? -EXDEV : -errno;
	}
	*ret_a = mine.fd;
	*ret_b = other.fd;
	return 0;
}

/* A full file system keeps few promises, and all of them when there is room. */
static bool
is_full(int folder)
{
	static const char block[4096];
	const int fd = openat(folder, "block", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int error = 0;

	if (fd < 0 || write(fd, block, sizeof block) < 0 || fsync(fd) < 0)
		error = errno;
	if (fd >= 0)
		(void)close(fd);
	(void)unlinkat(folder, "block", 0);
	return error == ENOSPC || error == EDQUOT;
}

static int
test_promise(struct queue_storage *s, int a, int b, const struct promise *p)
{
	struct bench bench = { 0 };
	int r = make_both(a, b, p->name, &bench.a, &bench.b);
	bool kept;

	if (r < 0)
		return r;
	kept = p->keeps(&bench);
	if (!kept && is_full(bench.a)) {
		(void)close(bench.a);
		(void)close(bench.b);
		return -ENOSPC;
	}
	s->kept += kept;
	s->broken += !kept;
	s->result(s->ctx, &(struct queue_storage_result){
		.name = p->name, .promise = p->promise, .remedy = p->remedy,
		.why = kept ? NULL : bench.why,
	});
	(void)close(bench.a);
	(void)close(bench.b);
	return 0;
}

/* Two mounts of a network's file system by two clients have two numbers. */
static bool
is_one(int a, int b)
{
	struct stat one, two;

	return fstat(a, &one) == 0 && fstat(b, &two) == 0 && one.st_dev == two.st_dev;
}

int
queue_storage(struct queue_storage *s)
{
	char name[40];
	int r, a = -1, b = -1;
	const int top = open(s->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int other = open(s->other ? s->other : s->directory,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)snprintf(name, sizeof name, ".storage-%ld", (long)getpid());
	r = top < 0 || other < 0 ? -errno : make_both(top, other, name, &a, &b);
	s->one_client = r == 0 && is_one(top, other);
	for (size_t i = 0; r == 0 && i < sizeof promises / sizeof promises[0]; i++)
		r = test_promise(s, a, b, &promises[i]);
	if (top >= 0 && r != -EEXIST)	/* that one is another machine's */
		(void)remove_name((void *)(uintptr_t)&top, name);
	(void)close(a);
	(void)close(b);
	(void)close(top);
	(void)close(other);
	return r;
}
