// SPDX-License-Identifier: ISC
/*
 * A run that ends between the queue and the note makes the report again, with the same Report-ID.
 */
#include "reports/sent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define TEXT_MAX ((size_t)16 << 20)

int
sent_open_folder(const char *queue)
{
	char path[4096];
	int fd;

	if ((size_t)snprintf(path, sizeof path, "%s/state/reports", queue) >= sizeof path)
		return -ENAMETOOLONG;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void
remove_old(int folder, const char *kind, const char *oldest)
{
	const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd < 0 ? NULL : fdopendir(fd);
	const size_t n = strlen(kind);
	const struct dirent *d;

	if (!names && fd >= 0)
		(void)close(fd);
	while (names && (d = readdir(names)))
		if (strncmp(d->d_name, kind, n) == 0 && d->d_name[n] == '-' &&
		    strcmp(d->d_name + n + 1, oldest) < 0)
			(void)unlinkat(folder, d->d_name, 0);
	if (names)
		(void)closedir(names);
}

int
sent_open(struct sent *s, int folder, const char *kind, const char *day, const char *oldest)
{
	char name[FILE_NAME_MAX];
	int r;

	*s = (struct sent){ .fd = -1 };
	if ((size_t)snprintf(name, sizeof name, "%s-%s", kind, day) >= sizeof name)
		return -ENAMETOOLONG;
	s->fd = openat(folder, name,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return -errno;
	r = flock(s->fd, LOCK_EX | LOCK_NB) < 0 ? -EBUSY :
	    file_read(folder, name, TEXT_MAX, &s->text, &s->n);
	if (r < 0) {
		sent_close(s);
		return r;
	}
	remove_old(folder, kind, oldest);
	return 0;
}

bool
sent_has(const struct sent *s, struct slice domain)
{
	struct slice rest = slice_of(s->text, s->n);

	while (rest.n)
		if (slice_eq(slice_cut(rest, '\n', &rest), domain))
			return true;
	return false;
}

int
sent_add(struct sent *s, struct slice domain)
{
	char space[300];
	struct buf line = BUF(space);

	buf_add(&line, domain);
	buf_chr(&line, '\n');
	if (line.full || write(s->fd, line.p, line.n) != (ssize_t)line.n || fsync(s->fd) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

void
sent_close(struct sent *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->text);
	*s = (struct sent){ .fd = -1 };
}
