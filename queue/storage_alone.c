// SPDX-License-Identifier: ISC
/*
 * The promises of a file system that one process can test.
 */
#include "queue/storage_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/folders.h"

#define NAMES	   600
#define TIME_OFF_S 5

static bool
is_there(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool
reads_as(int folder, const char *name, struct slice wanted)
{
	char text[64];
	const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text, 0);

	if (fd >= 0)
		(void)close(fd);
	return n >= 0 && slice_eq(slice_of(text, (size_t)n), wanted);
}

bool
storage_renames(struct bench *b)
{
	const int to = bench_folder(b, b->a, "to");
	bool good = to >= 0 && bench_put(b, b->a, "one", SL("1")) &&
	    bench_put(b, to, "two", SL("2"));

	if (good && renameat(b->a, "one", to, "one") < 0)
		good = bench_broken(b, "a rename failed: %s", strerror(errno));
	if (good && is_there(b->a, "one"))
		good = bench_broken(b, "the old name is still there");
	if (good && !reads_as(to, "one", SL("1")))
		good = bench_broken(b, "the new name is not that file");
	if (good && (renameat(b->a, "one", to, "three") == 0 || errno != ENOENT))
		good = bench_broken(b, "a file that is gone was renamed");
	if (good && (renameat(to, "one", b->a, "no/one") == 0 || errno != ENOENT))
		good = bench_broken(b, "a rename into a missing folder did not fail");
	if (good && (renameat(to, "one", to, "two") < 0 || !reads_as(to, "two", SL("1")) ||
	    is_there(to, "one")))
		good = bench_broken(b, "a rename did not replace the file of that name");
	(void)close(to);
	return good;
}

bool
storage_keeps_folders(struct bench *b)
{
	const int full = bench_folder(b, b->a, "full"), more = bench_folder(b, b->a, "more");
	bool good = full >= 0 && more >= 0 && bench_put(b, full, "one", SL("1")) &&
	    bench_put(b, more, "two", SL("2"));

	if (good && (unlinkat(b->a, "full", AT_REMOVEDIR) == 0 || !is_there(b->a, "full/one")))
		good = bench_broken(b, "a folder with a file was removed");
	if (good && (renameat(b->a, "more", b->a, "full") == 0 || !is_there(b->a, "full/one")))
		good = bench_broken(b, "a folder with a file was replaced");
	if (good && (renameat(b->a, "more", b->a, "moved") < 0 ||
	    !reads_as(b->a, "moved/two", SL("2"))))
		good = bench_broken(b, "a folder that was renamed has lost its file");
	if (good && (unlinkat(b->a, "full/one", 0) < 0 ||
	    unlinkat(b->a, "full", AT_REMOVEDIR) < 0))
		good = bench_broken(b, "an empty folder cannot be removed: %s", strerror(errno));
	(void)close(full);
	(void)close(more);
	return good;
}

bool
storage_keeps_open(struct bench *b)
{
	char text[8];
	bool good = bench_put(b, b->a, "one", SL("1234"));
	const int fd = good ? openat(b->a, "one", O_RDWR | O_CLOEXEC) : -1;

	if (good && (fd < 0 || unlinkat(b->a, "one", 0) < 0))
		good = bench_broken(b, "cannot open and remove a file: %s", strerror(errno));
	if (good && is_there(b->a, "one"))
		good = bench_broken(b, "its name is still there");
	if (good && pwrite(fd, "5", 1, 4) != 1)
		good = bench_broken(b, "it cannot be written: %s", strerror(errno));
	if (good && (pread(fd, text, sizeof text, 0) != 5 || memcmp(text, "12345", 5) != 0))
		good = bench_broken(b, "it cannot be read");
	if (fd >= 0)
		(void)close(fd);
	return good;
}

bool
storage_syncs(struct bench *b)
{
	bool good = bench_put(b, b->a, "one", SL("1"));
	const int fd = good ? openat(b->a, "one", O_RDWR | O_CLOEXEC) : -1;

	if (good && (fd < 0 || fsync(fd) < 0 || fdatasync(fd) < 0))
		good = bench_broken(b, "a file cannot be synced: %s", strerror(errno));
	if (good && fsync(b->a) < 0)
		good = bench_broken(b, "a folder cannot be synced: %s", strerror(errno));
	if (good && syncfs(fd) < 0)
		good = bench_broken(b, "the file system cannot be synced: %s", strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return good;
}

static bool
is_written(void *ctx)
{
	return reads_as(((const struct bench *)ctx)->b, "one", SL("1234"));
}

static bool
is_changed(void *ctx)
{
	return reads_as(((const struct bench *)ctx)->b, "one", SL("12x4"));
}

bool
storage_writes_in_place(struct bench *b)
{
	bool good = bench_put(b, b->a, "one", SL("1234"));
	const int fd = good ? openat(b->a, "one", O_RDWR | O_CLOEXEC) : -1;

	if (good && !bench_wait(is_written, b))	/* the other client may keep what it has read */
		good = bench_broken(b, "the other client does not read the file");
	if (good && (fd < 0 || pwrite(fd, "x", 1, 2) != 1 || fdatasync(fd) < 0))
		good = bench_broken(b, "an octet cannot be written: %s", strerror(errno));
	if (good && !reads_as(b->a, "one", SL("12x4")))
		good = bench_broken(b, "the file is not what was written");
	if (good && !bench_wait(is_changed, b))
		good = bench_broken(b, "the other client reads something else");
	if (fd >= 0)
		(void)close(fd);
	return good;
}

/* A walk that renames each file that it sees, as a run of the queue does. */
struct moving {
	int from, to;
	unsigned seen, twice;
};

static int
move_name(void *ctx, const char *name)
{
	struct moving *m = ctx;

	if (strcmp(name, "to") == 0)
		return 0;
	m->seen++;
	m->twice += renameat(m->from, name, m->to, name) < 0;
	return 0;
}

bool
storage_lists(struct bench *b)
{
	struct moving m = { .from = b->a, .to = bench_folder(b, b->a, "to") };
	bool good = m.to >= 0;
	char name[40];

	for (unsigned i = 0; good && i < NAMES; i++) {
		(void)snprintf(name, sizeof name, "name-of-a-file-%u", i * 7919);
		good = bench_put(b, b->a, name, SL("1"));
	}
	if (good && queue_names(b->a, move_name, &m) < 0)
		good = bench_broken(b, "a folder cannot be listed");
	if (good && m.twice)
		good = bench_broken(b, "%u names were there twice", m.twice);
	if (good && m.seen != NAMES)
		good = bench_broken(b, "only %u of %u names were there", m.seen, NAMES);
	(void)close(m.to);
	return good;
}

bool
storage_has_time(struct bench *b)
{
	const int64_t before_s = clock_wall_s();
	struct stat st;
	int64_t off_s;

	if (!bench_put(b, b->a, "one", SL("1")))
		return false;
	if (fstatat(b->a, "one", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return bench_broken(b, "a file has no state: %s", strerror(errno));
	off_s = st.st_mtim.tv_sec - before_s;
	if (off_s < -TIME_OFF_S || st.st_mtim.tv_sec > clock_wall_s() + TIME_OFF_S)
		return bench_broken(b, "a new file's time is %lld s off", (long long)off_s);
	return true;
}

static bool
has_mode(struct bench *b, const char *name, mode_t mode)
{
	struct stat st;

	if (fchmodat(b->a, name, mode, 0) < 0 || fstatat(b->a, name, &st, 0) < 0)
		return bench_broken(b, "a mode cannot be set: %s", strerror(errno));
	if ((st.st_mode & 07777) != mode)
		return bench_broken(b, "%04o became %04o", mode, st.st_mode & 07777);
	return true;
}

bool
storage_has_modes(struct bench *b)
{
	const int folder = bench_folder(b, b->a, "folder");

	if (folder < 0)
		return false;
	(void)close(folder);
	/* queue/access.c gives folders these modes. */
	return bench_put(b, b->a, "file", SL("1")) && has_mode(b, "file", 0640) &&
	    has_mode(b, "file", 0600) && has_mode(b, "folder", S_ISGID | S_ISVTX | 0773) &&
	    has_mode(b, "folder", 0710) && has_mode(b, "folder", 0700);
}

bool
storage_has_space(struct bench *b)
{
	struct statvfs fs;

	if (fstatvfs(b->a, &fs) < 0)
		return bench_broken(b, "no answer: %s", strerror(errno));
	return (fs.f_bavail > 0 && fs.f_frsize > 0) || bench_broken(b, "none is left");
}
