// SPDX-License-Identifier: ISC
/*
 * "broken_fs PROMISE SOURCE FOLDER" shows the folder SOURCE at FOLDER, as a file system that breaks
 * one promise; with the promise "none" it breaks none.  "kept" keeps what was read.  Two of them
 * with one source are two clients of a server.
 */
#define FUSE_USE_VERSION 31
#include <fuse3/fuse.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CACHED_S 60.0

static struct {
	const char *promise;
	int source;
} served;

static bool
breaks(const char *promise)
{
	return strcmp(served.promise, promise) == 0;
}

/* The path below the source.  A file that was removed has none. */
static const char *
below(const char *path)
{
	if (!path)
		return "removed/file";
	return path[1] ? path + 1 : ".";
}

static int
result(int r)
{
	return r < 0 ? -errno : 0;
}

static int
get_attributes(const char *path, struct stat *st, struct fuse_file_info *info)
{
	const int r = info && !breaks("open")
	    ? fstat((int)info->fh, st)
	    : fstatat(served.source, below(path), st, AT_SYMLINK_NOFOLLOW);

	if (r == 0 && breaks("time"))
		st->st_mtim.tv_sec -= 3600;
	return result(r);
}

static int
create_file(const char *path, mode_t mode, struct fuse_file_info *info)
{
	const int flags = breaks("exclusive") ? info->flags & ~O_EXCL : info->flags;
	int fd;

	if (breaks("exclusive"))
		(void)usleep(2000);	/* both clients have seen that the name is missing */
	fd = openat(served.source, below(path), flags | O_CREAT, mode);
	info->fh = (uint64_t)fd;
	return result(fd);
}

static int
open_file(const char *path, struct fuse_file_info *info)
{
	const int fd = openat(served.source, below(path), info->flags);

	info->fh = (uint64_t)fd;
	info->keep_cache = breaks("kept");
	return result(fd);
}

static int
close_file(const char *path, struct fuse_file_info *info)
{
	(void)path;
	return result(close((int)info->fh));
}

static int
read_octets(const char *path, char *to, size_t n, off_t at, struct fuse_file_info *info)
{
	int fd = (int)info->fh;
	ssize_t got;

	if (breaks("open") && (fd = openat(served.source, below(path), O_RDONLY)) < 0)
		return -errno;
	got = pread(fd, to, n, at);
	if (breaks("open"))
		(void)close(fd);
	return got < 0 ? -errno : (int)got;
}

static int
write_octets(const char *path, const char *from, size_t n, off_t at, struct fuse_file_info *info)
{
	struct stat st;
	ssize_t done;

	(void)path;
	if (breaks("in-place") && fstat((int)info->fh, &st) == 0)
		at = st.st_size;
	done = pwrite((int)info->fh, from, n, at);
	return done < 0 ? -errno : (int)done;
}

static int
sync_file(const char *path, int data, struct fuse_file_info *info)
{
	(void)path;
	return result(data ? fdatasync((int)info->fh) : fsync((int)info->fh));
}

static int
sync_folder(const char *path, int data, struct fuse_file_info *info)
{
	(void)path;
	(void)data;
	(void)info;
	return breaks("sync") ? -EINVAL : 0;
}

/* The time in which a replaced name is missing can be seen. */
static int
rename_file(const char *from, const char *to, unsigned flags)
{
	int r;

	if (flags)
		return -EINVAL;
	if (breaks("replace") && unlinkat(served.source, below(to), 0) == 0)
		(void)usleep(3000);
	if (breaks("rename"))
		return result(linkat(served.source, below(from), served.source, below(to), 0));
	r = renameat(served.source, below(from), served.source, below(to));
	return r < 0 && errno == ENOENT && breaks("claim") ? 0 : result(r);
}

static int
remove_file(const char *path)
{
	return result(unlinkat(served.source, below(path), 0));
}

static int
make_folder(const char *path, mode_t mode)
{
	return result(mkdirat(served.source, below(path), mode));
}

/* Without its promise, what is in the folder goes too. */
static int
remove_folder(const char *path)
{
	char command[4096];

	if (!breaks("folders"))
		return result(unlinkat(served.source, below(path), AT_REMOVEDIR));
	if (snprintf(command, sizeof command, "rm -rf '/proc/self/fd/%d/%s'", served.source,
	    below(path)) >= (int)sizeof command)
		return -ENAMETOOLONG;
	return system(command) == 0 ? 0 : -EIO;
}

static int
list_folder(const char *path, void *names, fuse_fill_dir_t add, off_t at,
    struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
	const int fd = openat(served.source, below(path), O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	off_t n = 0;

	(void)info;
	(void)flags;
	if (!d)
		return -errno;
	/* An offset that counts names leaves out others after some have gone. */
	while ((entry = readdir(d)))
		if (n++ >= at && add(names, entry->d_name, NULL, breaks("list") ? n : 0, 0))
			break;
	(void)closedir(d);
	return 0;
}

static int
set_mode(const char *path, mode_t mode, struct fuse_file_info *info)
{
	(void)info;
	return breaks("mode") ? 0 : result(fchmodat(served.source, below(path), mode, 0));
}

static int
set_size(const char *path, off_t size, struct fuse_file_info *info)
{
	int r, fd = info ? (int)info->fh : openat(served.source, below(path), O_WRONLY);

	if (fd < 0)
		return -errno;
	r = result(ftruncate(fd, size));
	if (!info)
		(void)close(fd);
	return r;
}

static int
get_space(const char *path, struct statvfs *fs)
{
	const int r = fstatvfs(served.source, fs);

	(void)path;
	if (breaks("space"))
		fs->f_bavail = fs->f_bfree = 0;
	return result(r);
}

static int
lock_whole(const char *path, struct fuse_file_info *info, int operation)
{
	(void)path;
	return breaks("lock") ? 0 : result(flock((int)info->fh, operation));
}

static int
lock_range(const char *path, struct fuse_file_info *info, int command, struct flock *lock)
{
	const int own = command == F_GETLK ? F_OFD_GETLK
	    : command == F_SETLK ? F_OFD_SETLK : F_OFD_SETLKW;

	(void)path;
	lock->l_pid = 0;
	return result(fcntl((int)info->fh, own, lock));
}

static void *
begin(struct fuse_conn_info *connection, struct fuse_config *config)
{
	if (breaks("kept"))
		connection->want &= ~(unsigned)FUSE_CAP_AUTO_INVAL_DATA;
	config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
	if (breaks("visible"))
		config->entry_timeout = config->attr_timeout = config->negative_timeout = CACHED_S;
	if (breaks("claim"))	/* such a client asks the server, which decides */
		config->entry_timeout = 1;
	config->hard_remove = 1;
	config->nullpath_ok = 0;
	return NULL;
}

static const struct fuse_operations operations = {
	.init = begin, .getattr = get_attributes, .create = create_file, .open = open_file,
	.release = close_file, .read = read_octets, .write = write_octets, .fsync = sync_file,
	.fsyncdir = sync_folder, .rename = rename_file, .unlink = remove_file,
	.mkdir = make_folder, .rmdir = remove_folder, .readdir = list_folder, .chmod = set_mode,
	.truncate = set_size, .statfs = get_space, .flock = lock_whole, .lock = lock_range,
};

int
main(int argc, char **argv)
{
	char *own[] = {
		argv[0], "-f", "-o", "default_permissions,max_threads=10", argv[argc - 1], NULL
	};

	if (argc != 4) {
		(void)fputs("usage: broken_fs PROMISE SOURCE FOLDER\n", stderr);
		return 64;
	}
	served.promise = argv[1];
	served.source = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (served.source < 0) {
		perror(argv[2]);
		return 1;
	}
	(void)umask(0);
	return fuse_main(5, own, &operations, NULL);
}
