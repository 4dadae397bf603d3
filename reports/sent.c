// SPDX-License-Identifier: ISC
/*
 * A run that ends between the queue and the note makes the report again, with the same Report-ID.
 */
#include "reports/sent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/day.h"
#include "base/file.h"

#define TEXT_MAX ((size_t)16 << 20)	/* octets of a day */

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

int
sent_open(struct sent *s, int folder, const char *prefix, int64_t day_s, int64_t oldest_s)
{
	char name[FILE_NAME_MAX], day[DAY_NAME];
	int r;

	*s = (struct sent){ .fd = -1 };
	day_name(day_s, day);
	if ((size_t)snprintf(name, sizeof name, "%s%s", prefix, day) >= sizeof name)
		return -ENAMETOOLONG;
	s->fd = openat(folder, name,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return -errno;
	r = flock(s->fd, LOCK_EX | LOCK_NB) < 0 ? -EBUSY :
	    file_read(folder, name, TEXT_MAX, &s->text, &s->n);
	/* Without all of it, reports would be made again and again. */
	if (r == 0 && s->n == TEXT_MAX)
		r = -EFBIG;
	if (r < 0) {
		sent_close(s);
		return r;
	}
	day_remove_before(folder, prefix, oldest_s);
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
