// SPDX-License-Identifier: ISC
/*
 * A file is replaced by rename(2), without fsync: such files can be made again, and their readers
 * reject a torn one.  The new one is always made afresh: a file of its name may be left by a crash,
 * or be a link to another one.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	int (*may)(void *ctx);		/* NULL: nobody is asked */
	void *ctx;
} asked;

void
file_replace_ask(int (*may)(void *ctx), void *ctx)
{
	asked.may = may;
	asked.ctx = ctx;
}

static int
may_replace(void)
{
	return asked.may ? asked.may(asked.ctx) : 0;
}

int
file_create(int folder, const char *name)
{
	int fd;

	(void)unlinkat(folder, name, 0);
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int
file_replace_begin(struct file_replace *f, int folder, const char *name)
{
	int fd, r = may_replace();

	if (r < 0)
		return r;
	f->folder = folder;
	f->name = name;
	if (snprintf(f->new_name, sizeof f->new_name, "%s" FILE_NEW, name) >=
	    (int)sizeof f->new_name)
		return -ENAMETOOLONG;
	fd = file_create(folder, f->new_name);
	if (fd < 0)
		return fd;
	f->out = fdopen(fd, "w");
	if (f->out)
		return 0;
	r = -errno;
	(void)close(fd);
	(void)unlinkat(folder, f->new_name, 0);
	return r;
}

int
file_replace_end(struct file_replace *f)
{
	int r = may_replace();		/* what is written may still be in memory */

	if (r == 0 && ferror(f->out))
		r = -EIO;
	if (fclose(f->out) != 0 && r == 0)
		r = -errno;
	f->out = NULL;
	if (r == 0)
		r = may_replace();
	if (r == 0 && renameat(f->folder, f->new_name, f->folder, f->name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(f->folder, f->new_name, 0);
	return r;
}

/* The folder in another one.  -ELOOP if it is a link. */
static int
open_folder(int at, const char *name)
{
	struct stat st;
	const int fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOTDIR && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode))
		return -ELOOP;
	return -errno;
}

int
file_open_no_links(const char *path)
{
	int fd = open_folder(AT_FDCWD, "/"), r;
	char name[NAME_MAX + 1];
	const char *slash;

	for (; fd >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
		const size_t n = (size_t)(slash - path);

		if (n == 0)
			continue;
		r = -ENAMETOOLONG;
		if (n < sizeof name) {
			memcpy(name, path, n);
			name[n] = '\0';
			r = open_folder(fd, name);
		}
		(void)close(fd);
		fd = r;
	}
	if (fd < 0)
		return fd;
	r = openat(fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (r < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

int
file_read(int folder, const char *name, size_t most, char **ret_text, size_t *ret_n)
{
	const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *text;
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	text = malloc(most);
	while (text && n < most && (got = read(fd, text + n, most - n)) > 0)
		n += (size_t)got;
	(void)close(fd);
	*ret_text = text;
	*ret_n = n;
	return text ? 0 : -ENOMEM;
}

int
file_read_at(int fd, void *to, size_t n, off_t at)
{
	char *p = to;

	while (n) {
		const ssize_t got = pread(fd, p, n, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -ENODATA;
		p += got;
		n -= (size_t)got;
		at += got;
	}
	return 0;
}

bool
file_beside(const char *name, struct buf *ret)
{
	char space[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", space, sizeof space);
	const char *slash = n > 0 ? memrchr(space, '/', (size_t)n) : NULL;

	if (!slash)
		return false;
	buf_add(ret, slice_of(space, (size_t)(slash + 1 - space)));
	buf_str(ret, name);
	(void)buf_cstr(ret);
	return !ret->full;
}
