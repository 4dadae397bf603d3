// SPDX-License-Identifier: ISC
/*
 * The lists of waiting messages by host: one file per host, one record of fixed size per message,
 * the newest last.  Only the runner writes them.  They are never synced and safe to delete.
 */
#include "queue/by_host.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/folders.h"
#include "queue/lease.h"

#define FOLDER   "waiting"
#define FORGIVEN "hosts-forgiven"
#define TIME_LEN 11
#define RECORD   (TIME_LEN + 1 + QUEUE_ID_LEN + 1)	/* "01795338480 0SJ5TN5K6X3N0BKS\n" */
#define TIME_MAX INT64_C(99999999999)
#define TAKE_MAX 256
#define COUNT_OCTETS 65536

static int
open_list(const struct queue *q, const char *host, int flags)
{
	int folder, fd, error;

	if (!host[0] || host[0] == '.' || strchr(host, '/'))
		return -EINVAL;
	folder = queue_folder(q->state, FOLDER, flags & O_CREAT);
	if (folder < 0)
		return folder;
	fd = openat(folder, host, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	error = errno;
	(void)close(folder);
	return fd < 0 ? -error : fd;
}

static int
shorten(const struct queue *q, int fd, off_t size)
{
	const int r = queue_lease_check(q);

	return r < 0 ? r : ftruncate(fd, size) < 0 ? -errno : 0;
}

int
queue_by_host_add(const struct queue *q, const char *host, int64_t due_s, const char *id)
{
	char record[RECORD + 1];
	struct stat st;
	int fd, r = queue_lease_check(q);

	if (due_s < 1 || due_s > TIME_MAX || !queue_is_id(id))
		return -EINVAL;
	if (r < 0)
		return r;
	fd = open_list(q, host, O_WRONLY | O_APPEND | O_CREAT);
	if (fd < 0)
		return fd;
	(void)snprintf(record, sizeof record, "%0*" PRId64 " %s\n", TIME_LEN, due_s, id);
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (st.st_size >= BY_HOST_OCTETS_MAX)
		r = shorten(q, fd, 0);
	/* Another machine may have adopted the queue since the list was opened. */
	if (r == 0)
		r = queue_lease_check(q);
	if (r == 0)
		r = queue_write(fd, slice_of(record, RECORD));
	(void)close(fd);
	return r;
}

/* "TIME/ID" in wait/, and the ID in it; NULL: it is no record. */
static const char *
parse_record(const char *record, char path[RECORD + 1])
{
	uint64_t due;
	char *id;

	if (!slice_uint(slice_of(record, TIME_LEN), TIME_MAX, &due))
		return NULL;
	id = path + snprintf(path, RECORD + 1, "%" PRIu64 "/", due);
	memcpy(id, record + TIME_LEN + 1, QUEUE_ID_LEN);
	id[QUEUE_ID_LEN] = '\0';
	return queue_is_id(id) ? id : NULL;
}

/* Move one message from wait/TIME/ID to cur/ID. */
static bool
bring_message(const struct queue *q, const char *record, char id[QUEUE_ID_SIZE])
{
	char path[RECORD + 1];
	const char *name = parse_record(record, path);

	if (!name)
		return false;
	memcpy(id, name, QUEUE_ID_SIZE);
	if (queue_lease_check(q) < 0 || renameat(q->wait, path, q->cur, id) < 0)
		return false;
	*strchr(path, '/') = '\0';
	/* Fails while other messages wait until then. */
	(void)unlinkat(q->wait, path, AT_REMOVEDIR);
	return true;
}

/* Take the last records of a list of that size, at most max. */
static int
take_records(const struct queue *q, int fd, off_t size, unsigned max, queue_visit *each, void *ctx)
{
	char records[TAKE_MAX * RECORD], id[QUEUE_ID_SIZE];
	off_t whole = size / RECORD, n = whole < max ? whole : max;
	int r = queue_read_at(fd, records, (size_t)n * RECORD, (whole - n) * RECORD);

	if (r < 0)
		return r;
	/* Shorten the list first: a record that is taken twice only costs a search in vain. */
	r = shorten(q, fd, (whole - n) * RECORD);
	if (r < 0)
		return r;
	for (off_t i = n; i > 0; i--)
		if (bring_message(q, records + (i - 1) * RECORD, id))
			(void)each(ctx, id);
	return (int)n;
}

int
queue_by_host_take(const struct queue *q, const char *host, unsigned max, queue_visit *each,
    void *ctx)
{
	int fd = open_list(q, host, O_RDWR), folder, r = 0;
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else
		r = take_records(q, fd, st.st_size, max < TAKE_MAX ? max : TAKE_MAX, each, ctx);
	(void)close(fd);
	if (r == 0 && (folder = queue_folder(q->state, FOLDER, false)) >= 0) {
		(void)unlinkat(folder, host, 0);
		(void)close(folder);
	}
	return r;
}

uint64_t
queue_by_host_count(const struct queue *q, const char *host)
{
	const int fd = open_list(q, host, O_RDONLY);
	struct stat st = { 0 };

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		st.st_size = 0;
	(void)close(fd);
	return (uint64_t)st.st_size / RECORD;
}

static uint64_t
count_there(const struct queue *q, struct slice records)
{
	char path[RECORD + 1];
	uint64_t n = 0;

	for (; records.n >= RECORD; records = slice_skip(records, RECORD))
		n += parse_record(records.p, path) &&
		    faccessat(q->wait, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return n;
}

uint64_t
queue_by_host_waiting(const struct queue *q, const char *host)
{
	const int fd = open_list(q, host, O_RDONLY);
	char records[COUNT_OCTETS];
	struct stat st = { 0 };
	uint64_t n;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		st.st_size = 0;
	n = (uint64_t)st.st_size / RECORD;
	if (n * RECORD <= sizeof records)
		n = queue_read_at(fd, records, n * RECORD, 0) < 0 ? 0 :
		    count_there(q, slice_of(records, n * RECORD));
	(void)close(fd);
	return n;
}

int
queue_by_host_each(const struct queue *q, int (*each)(void *ctx, const char *host), void *ctx)
{
	const int folder = queue_folder(q->state, FOLDER, false);
	int r;

	if (folder < 0)
		return folder == -ENOENT ? 0 : folder;
	r = queue_names(folder, each, ctx);
	(void)close(folder);
	return r;
}

void
queue_by_host_sweep(const struct queue *q, int64_t now_s, int64_t age_s)
{
	if (queue_lease_check(q) == 0)
		(void)queue_sweep(q->state, FOLDER, now_s - age_s);
}

int
queue_forgive_hosts(const struct queue *q)
{
	int fd = openat(q->state, FORGIVEN,
	    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd < 0)
		return -errno;
	(void)close(fd);
	return 0;
}

bool
queue_hosts_forgiven(const struct queue *q)
{
	return queue_lease_check(q) == 0 && unlinkat(q->state, FORGIVEN, 0) == 0;
}
