// SPDX-License-Identifier: ISC
/*
 * A file is replaced by rename(2), without fsync: such files can be made again, and their readers
 * reject a torn one.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
file_replace_begin(struct file_replace *f, int folder, const char *name)
{
	int fd, r;

	f->folder = folder;
	f->name = name;
	if (snprintf(f->new_name, sizeof f->new_name, "%s.new", name) >= (int)sizeof f->new_name)
		return -ENAMETOOLONG;
	fd = openat(folder, f->new_name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	f->out = fd < 0 ? NULL : fdopen(fd, "w");
	if (f->out)
		return 0;
	r = -errno;
	if (fd >= 0)
		(void)close(fd);
	(void)unlinkat(folder, f->new_name, 0);
	return r;
}

int
file_replace_end(struct file_replace *f)
{
	int r = ferror(f->out) ? -EIO : 0;

	if (fclose(f->out) != 0 && r == 0)
		r = -errno;
	f->out = NULL;
	if (r == 0 && renameat(f->folder, f->new_name, f->folder, f->name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(f->folder, f->new_name, 0);
	return r;
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
