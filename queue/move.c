// SPDX-License-Identifier: ISC
/*
 * The moves out of cur/.  Each is one rename, so a message has one name at any time.  No move is
 * synced: a power cut may undo one.  The message is then tried once more, which is allowed.
 */
#include "queue/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/folders.h"
#include "queue/format.h"
#include "queue/lease.h"
#include "queue/operator.h"

#define FOLDER_TRIES 4

/* A name in dead/ is never replaced: files there are kept until a person has looked at them. */
int
queue_move_to_dead(const struct queue *q, int from, const char *name)
{
	char other[QUEUE_ID_SIZE + 1 + 200];
	struct stat st;
	int r = queue_lease_check(q);

	if (r < 0)
		return r;
	if (fstatat(q->dead, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return renameat(from, name, q->dead, name) < 0 ? -errno : 0;
	r = queue_id_make(other);
	if (r < 0)
		return r;
	(void)snprintf(other + QUEUE_ID_LEN, sizeof other - QUEUE_ID_LEN, ".%.199s", name);
	return renameat(from, name, q->dead, other) < 0 ? -errno : 0;
}

int
queue_finish(const struct queue *q, const char *id)
{
	const int r = queue_lease_check(q);

	if (!queue_is_id(id))
		return -EINVAL;
	if (r < 0)
		return r;
	return unlinkat(q->cur, id, 0) < 0 ? -errno : 0;
}

int
queue_bury(const struct queue *q, const char *id)
{
	if (!queue_is_id(id))
		return -EINVAL;
	return queue_move_to_dead(q, q->cur, id);
}

static int
count_attempt(struct queue_entry *e)
{
	unsigned attempts = e->attempts < QUEUE_TRIED_MAX ? e->attempts + 1 : QUEUE_TRIED_MAX;
	char digits[16];
	struct buf b = BUF(digits);
	int r;

	buf_fmt(&b, "%04u", attempts);
	r = queue_write_at(e->fd, buf_slice(&b), (off_t)QUEUE_TRIED_AT);
	if (r == 0)
		e->attempts = attempts;
	return r;
}

int
queue_postpone(const struct queue *q, const struct queue_entry *e, int64_t due_s)
{
	/* Never 0: queue_next_due() returns 0 if no message waits. */
	int64_t due = due_s < 1 ? 1 : due_s;
	char path[QUEUE_BUCKET_SIZE + QUEUE_ID_SIZE], bucket[QUEUE_BUCKET_SIZE];
	int r = queue_lease_check(q);

	if (r < 0)
		return r;
	(void)snprintf(bucket, sizeof bucket, "%" PRId64, due);
	(void)snprintf(path, sizeof path, "%s/%s", bucket, e->id);
	/* Several tries: a process that takes the last message out of a folder removes the folder,
	 * perhaps just now. */
	for (int i = 0; i < FOLDER_TRIES; i++) {
		if (renameat(q->cur, e->id, q->wait, path) == 0)
			return 0;
		if (errno != ENOENT)
			return -errno;
		if (mkdirat(q->wait, bucket, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	if (renameat(q->cur, e->id, q->wait, path) == 0)
		return 0;
	r = -errno;
	(void)unlinkat(q->wait, bucket, AT_REMOVEDIR);	/* an empty folder would count as due */
	return r;
}

int
queue_defer(const struct queue *q, struct queue_entry *e, int64_t due_s)
{
	int r = queue_lease_check(q);

	if (r == 0)
		r = count_attempt(e);
	return r < 0 ? r : queue_postpone(q, e, due_s);
}
