// SPDX-License-Identifier: ISC
/*
 * The order of the names is that of time.
 */
#include "base/day.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"

void
day_name(int64_t time_s, char ret[DAY_NAME])
{
	char space[32] = "";
	struct buf b = BUF(space);

	clock_stamp(&b, time_s);
	memcpy(ret, space, DAY_NAME - 1);
	ret[DAY_NAME - 1] = '\0';
}

static bool
is_day(const char *name)
{
	char space[32];
	struct buf b = BUF(space);
	int64_t s;

	if (strlen(name) != DAY_NAME - 1)
		return false;
	buf_str(&b, name);
	buf_str(&b, "T00:00:00Z");
	return clock_stamp_parse(buf_slice(&b), &s);
}

void
day_remove_before(int folder, const char *prefix, int64_t time_s)
{
	const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd < 0 ? NULL : fdopendir(fd);
	const size_t n = strlen(prefix);
	const struct dirent *d;
	char first[DAY_NAME];

	day_name(time_s, first);
	if (!names && fd >= 0)
		(void)close(fd);
	while (names && (d = readdir(names)))
		if (strncmp(d->d_name, prefix, n) == 0 && is_day(d->d_name + n) &&
		    strcmp(d->d_name + n, first) < 0)
			(void)unlinkat(folder, d->d_name, 0);
	if (names)
		(void)closedir(names);
}

int
day_append(int fd, struct slice lines, int64_t size)
{
	const ssize_t n = write(fd, lines.p, lines.n);

	if (n == (ssize_t)lines.n)
		return 0;
	if (n < 0)
		return -errno;
	return ftruncate(fd, size) < 0 ? -errno : -ENOSPC;	/* the disk is full */
}
