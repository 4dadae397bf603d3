// SPDX-License-Identifier: ISC
/*
 * Reasons, files and patience for the tests of a file system.
 */
#include "queue/storage_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/folders.h"
#include "queue/storage.h"

#define STEP_MS 10

bool
bench_broken(struct bench *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(b->why, sizeof b->why, format, args);
	va_end(args);
	return false;
}

bool
bench_put(struct bench *b, int folder, const char *name, struct slice octets)
{
	int r, fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return bench_broken(b, "cannot create a file: %s", strerror(errno));
	r = queue_write(fd, octets);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r == 0 || bench_broken(b, "cannot write a file: %s", strerror(-r));
}

int
bench_folder(struct bench *b, int folder, const char *name)
{
	int fd = -1;

	if (mkdirat(folder, name, 0700) == 0 || errno == EEXIST)
		fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		(void)bench_broken(b, "cannot make a folder: %s", strerror(errno));
	return fd;
}

bool
bench_wait(bool (*is_so)(void *ctx), void *ctx)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	const int64_t until_us = clock_us() + QUEUE_STORAGE_SEEN_MS * INT64_C(1000);

	while (!is_so(ctx)) {
		if (clock_us() >= until_us)
			return false;
		(void)nanosleep(&step, NULL);
	}
	return true;
}
