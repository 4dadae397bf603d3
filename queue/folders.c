// SPDX-License-Identifier: ISC
/*
 * The queue's folders and the names in them.  All access uses folder descriptors; no path is built.
 * So a folder that is moved away stays the same folder for us, and a sandbox can name the folders.
 */
#include "queue/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* No I, L, O and U: IDs are easy to read aloud and form no words (Crockford's base 32). */
static const char base32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* IDs count microseconds from 2026.  50 bits last until 2061, and IDs sort by time until then. */
#define ID_EPOCH_US   (INT64_C(1767225600) * 1000000)
#define ID_TIME_CHARS 10

bool
queue_is_id(const char *name)
{
	size_t n = strnlen(name, QUEUE_ID_SIZE);

	return n == QUEUE_ID_LEN && strspn(name, base32) == n;
}

int
queue_id_make(char ret_id[QUEUE_ID_SIZE])
{
	uint64_t now = (uint64_t)(clock_wall_us() - ID_EPOCH_US);
	uint32_t tail = 0;

	/* A request this small is never cut short. */
	if (getrandom(&tail, sizeof tail, 0) < 0)
		return -errno;
	for (size_t i = ID_TIME_CHARS; i-- > 0; now >>= 5)
		ret_id[i] = base32[now & 31];
	for (size_t i = QUEUE_ID_LEN; i-- > ID_TIME_CHARS; tail >>= 5)
		ret_id[i] = base32[tail & 31];
	ret_id[QUEUE_ID_LEN] = '\0';
	return 0;
}

int64_t
queue_id_time_s(const char *id)
{
	int64_t us = 0;

	for (size_t i = 0; i < ID_TIME_CHARS; i++)
		us = us << 5 | (strchr(base32, id[i]) - base32);
	return (us + ID_EPOCH_US) / 1000000;
}

int
queue_folder(int parent, const char *name, bool create)
{
	int fd = openat(parent, name, FOLDER_FLAGS | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT && create) {
		/* A power cut that loses the name of a folder also loses the messages in it. */
		if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
			return -errno;
		fd = queue_sync_folder(parent);
		if (fd < 0)
			return fd;
		fd = openat(parent, name, FOLDER_FLAGS | O_NOFOLLOW);
	}
	return fd < 0 ? -errno : fd;
}

int
queue_sync_folder(int folder)
{
	if (fsync(folder) == 0)
		return 0;
	return errno == EINVAL || errno == ENOTSUP || errno == ENOSYS ? -EOPNOTSUPP : -errno;
}

#define ADVICE_USER(user)                                                                     \
	"start it as root or as the user " user ", or set a [queue] directory whose parent "  \
	"this user may write to; else something there is another user's: as root, run "      \
	"smtp-queue fsck --repair"

const char *
queue_advice(enum queue_use use, int error)
{
	switch (error) {
	case -EACCES:
	case -EPERM:
		return use == QUEUE_RECEIVE ? ADVICE_USER("smtp-handler")
					    : ADVICE_USER("smtp-relay");
	case -EOPNOTSUPP:
		return "this file system cannot sync folders, so a power cut could lose mail: "
		       "set [queue] directory to a folder on another one, such as ext4, xfs or "
		       "btrfs";
	case -EREMOTE:
		return "another machine has adopted it: when smtp-relay --adopt has ended there, "
		       "type: smtp-relay --take-back";
	case -ENOLCK:
		return "it has a lease: set lease in [queue] as on the other machines, or remove "
		       "its file tmp/lease";
	case -EROFS:
		return "it is read-only: mount it for writing";
	case -ENOSPC:
	case -EDQUOT:
		return "it is full: make room";
	case -ENOENT:
		return "create it for this user, or set [queue] directory";
	default:
		return "see [queue] directory";
	}
}

int64_t
queue_free_space(const struct queue *q)
{
	struct statvfs fs;
	uint64_t octets;

	if (fstatvfs(q->tmp, &fs) < 0)
		return -errno;
	if (fs.f_flag & ST_RDONLY)	/* also after an error of the disk */
		return -EROFS;
	if (__builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &octets) ||
	    octets > INT64_MAX)
		return INT64_MAX;
	return (int64_t)octets;
}

int
queue_names(int folder, int (*each)(void *ctx, const char *name), void *ctx)
{
	int r = 0, fd = openat(folder, ".", FOLDER_FLAGS);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!d) {
		r = -errno;
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	while (r == 0) {
		errno = 0;
		entry = readdir(d);
		if (!entry) {
			r = -errno;
			break;
		}
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = each(ctx, entry->d_name);
	}
	(void)closedir(d);
	return r;
}

struct sweep {
	int folder;
	int64_t before_s;
	unsigned kept;
};

static int
sweep_name(void *ctx, const char *name)
{
	struct sweep *s = ctx;
	struct stat st;

	if (fstatat(s->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtim.tv_sec < s->before_s)
		(void)unlinkat(s->folder, name, 0);
	else
		s->kept++;
	return 0;
}

unsigned
queue_sweep(int parent, const char *name, int64_t before_s)
{
	struct sweep s = { queue_folder(parent, name, false), before_s, 0 };

	if (s.folder < 0)
		return 0;
	(void)queue_names(s.folder, sweep_name, &s);
	(void)close(s.folder);
	return s.kept;
}

bool
queue_bucket_time(const char *name, int64_t *ret)
{
	uint64_t v;

	if (!slice_uint(slice_str(name), INT64_MAX, &v))
		return false;
	*ret = (int64_t)v;
	return true;
}

static int
open_file(int folder, const char *name, int access_mode, off_t *ret_size)
{
	/* O_NONBLOCK: the name may be a FIFO's. */
	int r, fd = openat(folder, name, access_mode | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	/* A file of another user's may be handed over later; a FIFO must not wait for that. */
	if (fd < 0 && errno == EACCES)
		return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode)
		    ? -EBADMSG : -EACCES;
	if (fd < 0)
		return errno == ELOOP || errno == EISDIR || errno == ENXIO ? -EBADMSG : -errno;
	r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EBADMSG;
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	*ret_size = st.st_size;
	return fd;
}

int
queue_file(int folder, const char *name, off_t *ret_size)
{
	return open_file(folder, name, O_RDWR, ret_size);
}

int
queue_open_logins(int tmp)
{
	const int fd = openat(tmp, QUEUE_LOGINS,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

int
queue_file_look(int folder, const char *name, off_t *ret_size)
{
	return open_file(folder, name, O_RDONLY, ret_size);
}

int
queue_write(int fd, struct slice octets)
{
	while (octets.n) {
		ssize_t n = write(fd, octets.p, octets.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		octets = slice_skip(octets, (size_t)n);
	}
	return 0;
}

int
queue_write_at(int fd, struct slice octets, off_t at)
{
	while (octets.n) {
		ssize_t n = pwrite(fd, octets.p, octets.n, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		octets = slice_skip(octets, (size_t)n);
		at += n;
	}
	return 0;
}

int
queue_read_at(int fd, char *octets, size_t n, off_t at)
{
	const int r = file_read_at(fd, octets, n, at);

	return r == -ENODATA ? -EBADMSG : r;
}
