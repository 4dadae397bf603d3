// SPDX-License-Identifier: ISC
/*
 * Finds the files of secrets, and refuses those that others can read.  Reads no secret itself.
 */
#include "config/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool
secret_name_valid(struct slice name)
{
	if (name.n == 0 || memchr(name.p, '\0', name.n))
		return false;
	return name.p[0] == '/' || (!memchr(name.p, '/', name.n) && name.p[0] != '.');
}

int
secret_path(struct buf *b, struct slice name)
{
	if (name.n == 0 || name.p[0] != '/') {
		const char *directory = getenv("CREDENTIALS_DIRECTORY");

		if (!directory || directory[0] != '/')
			return -ENOENT;
		buf_str(b, directory);
		buf_chr(b, '/');
	}
	buf_add(b, name);
	(void)buf_cstr(b);
	return b->full ? -ENAMETOOLONG : 0;
}

/* The mode of a credential seems to let its group read it, because of an access list.  Only the
 * user of the unit may enter the folder, so the file is private. */
static bool
is_credential(const char *path)
{
	const struct slice directory = slice_str(getenv("CREDENTIALS_DIRECTORY"));
	const struct slice p = slice_str(path);

	return directory.n && directory.p[0] == '/' && slice_has_prefix(p, directory) &&
	       p.n > directory.n && p.p[directory.n] == '/' && !strchr(p.p + directory.n + 1, '/');
}

/* 0; or -errno with the file and the mistake in why. */
static int
check(const struct stat *st, const char *path, struct buf *why)
{
	if (!S_ISREG(st->st_mode)) {
		buf_fmt(why, "%s: it is not a regular file", path);
		return -EINVAL;
	}
	if ((st->st_mode & (S_IRGRP | S_IROTH)) && !is_credential(path)) {
		buf_fmt(why, "%s: others can read it (mode %04o): chmod 600 it", path,
		    st->st_mode & 07777U);
		return -EACCES;
	}
	return 0;
}

int
secret_look(const char *path, struct buf *why)
{
	struct stat st;

	if (stat(path, &st) < 0 || access(path, R_OK) < 0) {
		const int r = -errno;

		buf_fmt(why, "%s: %s", path, strerror(-r));
		return r;
	}
	return check(&st, path, why);
}

int
secret_open(const char *path, struct buf *why)
{
	int r, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		buf_fmt(why, "%s: %s", path, strerror(-r));
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	r = check(&st, path, why);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}
