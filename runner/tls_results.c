// SPDX-License-Identifier: ISC
/*
 * A crash loses at most the last line.
 */
#include "runner/tls_results.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/day.h"
#include "queue/lease.h"

static void
open_day(struct tls_results *t, const struct queue *q, int64_t now_s)
{
	char name[DAY_NAME];
	struct stat st;
	int folder;

	if (mkdirat(q->state, "sessions", 0700) < 0 && errno != EEXIST)
		return;
	folder = openat(q->state, "sessions", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return;
	day_remove_before(folder, "", now_s - TLS_RESULTS_DAYS * DAY_SECONDS);
	day_name(now_s, name);
	t->fd = openat(folder, name,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	(void)close(folder);
	if (t->fd >= 0 && fstat(t->fd, &st) == 0 && S_ISREG(st.st_mode)) {
		t->octets = st.st_size;
		t->day = now_s / DAY_SECONDS;
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

	if (queue_lease_check(q) < 0)
		return;
	if (t->fd && t->day != now_s / DAY_SECONDS)
		tls_results_done(t);
	if (!t->fd)
		open_day(t, q, now_s);
	tls_result_write(&b, s, domain, now_s);
	if (!t->fd || b.full || t->octets + (int64_t)b.n > TLS_RESULTS_OCTETS_MAX)
		return;
	if (day_append(t->fd, buf_slice(&b), t->octets) == 0)
		t->octets += (int64_t)b.n;
}

void
tls_results_done(struct tls_results *t)
{
	if (t->fd)
		(void)close(t->fd);
	*t = (struct tls_results){ .fd = 0 };
}
