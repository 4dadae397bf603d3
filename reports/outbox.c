// SPDX-License-Identifier: ISC
#include "reports/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "queue/folders.h"

static int
write_file(int fd, const struct outbox_post *p)
{
	char space[2048];
	struct buf head = BUF(space);
	int r;

	buf_fmt(&head, "url: %s\ntype: %s\nuntil: ", p->url, p->type);
	clock_stamp(&head, p->until_s);
	buf_str(&head, "\n\n");
	if (head.full)
		return -ENAMETOOLONG;
	r = queue_write(fd, buf_slice(&head));
	if (r == 0)
		r = queue_write(fd, p->file);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

int
outbox_put(int folder, const char *name, const struct outbox_post *p)
{
	char new_name[FILE_NAME_MAX];
	int fd, r;

	if ((size_t)snprintf(new_name, sizeof new_name, "new-%s", name) >= sizeof new_name)
		return -ENAMETOOLONG;
	fd = file_create(folder, new_name);
	if (fd < 0)
		return fd;
	r = write_file(fd, p);
	(void)close(fd);
	if (r == 0 && (renameat(folder, new_name, folder, name) < 0 || fsync(folder) < 0))
		r = -errno;
	if (r < 0)
		(void)unlinkat(folder, new_name, 0);
	return r;
}
