// SPDX-License-Identifier: ISC
/*
 * Lines are appended, each by one write(2): a crash loses at most the last of them.
 */
#include "runner/tls_results.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/folders.h"

#define DAY_S 86400

/* "2026-11-28" */
static void
name_of_day(int64_t day, char ret[11])
{
	char space[32];
	struct buf b = BUF(space);

	clock_stamp(&b, day * DAY_S);
	(void)snprintf(ret, 11, "%.10s", space);
}

/* The names of files are days, so their order is that of time. */
static void
remove_old(int folder, int64_t day)
{
	const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	char oldest[11];

	name_of_day(day - TLS_RESULTS_DAYS, oldest);
	if (!names && fd >= 0)
		(void)close(fd);
	while (names && (entry = readdir(names)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, oldest) < 0)
			(void)unlinkat(folder, entry->d_name, 0);
	if (names)
		(void)closedir(names);
}

static void
open_day(struct tls_results *t, const struct queue *q, int64_t day)
{
	char name[11];
	struct stat st;
	int folder;

	if (mkdirat(q->state, "sessions", 0700) < 0 && errno != EEXIST)
		return;
	folder = openat(q->state, "sessions", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return;
	remove_old(folder, day);
	name_of_day(day, name);
	t->fd = openat(folder, name,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	(void)close(folder);
	if (t->fd >= 0 && fstat(t->fd, &st) == 0 && S_ISREG(st.st_mode)) {
		t->octets = st.st_size;
		t->day = day;
		return;
	}
	if (t->fd >= 0)
		(void)close(t->fd);
	t->fd = 0;
}

void
tls_results_add(struct tls_results *t, const struct queue *q, struct slice domain,
    const struct tls_result *s, int64_t now_s)
{
	char space[TLS_RESULT_LINE_MAX];
	struct buf b = BUF(space);

	if (t->fd && t->day != now_s / DAY_S)
		tls_results_done(t);
	if (!t->fd)
		open_day(t, q, now_s / DAY_S);
	tls_result_write(&b, s, domain, now_s);
	if (!t->fd || b.full || t->octets + (int64_t)b.n > TLS_RESULTS_OCTETS_MAX)
		return;
	if (queue_write(t->fd, buf_slice(&b)) == 0)
		t->octets += (int64_t)b.n;
}

void
tls_results_done(struct tls_results *t)
{
	if (t->fd)
		(void)close(t->fd);
	*t = (struct tls_results){ .fd = 0 };
}
