// SPDX-License-Identifier: ISC
/*
 * Walking through the queue, and an operator's moves.  Both work for a queue of any size.  Memory
 * is bounded by the number of folders in wait/, and only requested parts of a message are read.
 */
#include "queue/operator.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/folders.h"
#include "queue/lease.h"
#include "queue/reader.h"

struct walk {
	queue_visitor *each;
	void *ctx;
	bool tried;			/* another process reads each message first */
	struct queue_spot spot;
	struct queue_reader reader;
	char ids[QUEUE_READER_MAX][QUEUE_ID_SIZE];
	size_t n;
};

/* Visit the messages that were collected. */
static int
visit_all(struct walk *w)
{
	int r = 0, signals[QUEUE_READER_MAX] = { 0 };
	const size_t n = w->n;

	w->n = 0;
	if (w->tried)
		queue_reader_try(&w->reader, w->spot.folder, w->ids, n, signals);
	for (size_t i = 0; r == 0 && i < n; i++) {
		memcpy(w->spot.id, w->ids[i], sizeof w->spot.id);
		w->spot.killed = signals[i];
		r = w->each(w->ctx, &w->spot);
	}
	return r;
}

static int
collect_name(void *ctx, const char *name)
{
	struct walk *w = ctx;

	if (!queue_is_id(name))
		return 0;
	memcpy(w->ids[w->n++], name, sizeof w->ids[0]);
	return w->tried && w->n < QUEUE_READER_MAX ? 0 : visit_all(w);
}

static int
walk_folder(struct walk *w, enum queue_place place, int folder)
{
	int r;

	w->spot.place = place;
	w->spot.folder = folder;
	r = folder < 0 ? 0 : queue_names(folder, collect_name, w);
	if (r == 0)
		r = visit_all(w);
	w->n = 0;
	queue_reader_end(&w->reader);
	return r;
}

struct times {
	int64_t *list;
	size_t n, cap;
};

static int
add_time(void *ctx, const char *name)
{
	struct times *t = ctx;
	int64_t due_s, *list;

	if (!queue_bucket_time(name, &due_s))
		return 0;
	if (t->n == t->cap) {
		list = realloc(t->list, (t->cap * 2 + 64) * sizeof *list);
		if (!list)
			return -ENOMEM;
		t->list = list;
		t->cap = t->cap * 2 + 64;
	}
	t->list[t->n++] = due_s;
	return 0;
}

static int
by_time(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* The times of the folders in wait/, sorted.  They are few: many messages share one. */
static int
wait_times(const struct queue *q, struct times *t)
{
	int r = q->wait < 0 ? 0 : queue_names(q->wait, add_time, t);

	if (t->n > 1)
		qsort(t->list, t->n, sizeof *t->list, by_time);
	return r;
}

/* Open a folder of wait/.  A descriptor; -ENOENT also if the name is not a folder; -errno. */
static int
open_bucket(const struct queue *q, int64_t due_s)
{
	char name[QUEUE_BUCKET_SIZE];
	int fd;

	(void)snprintf(name, sizeof name, "%" PRId64, due_s);
	fd = queue_folder(q->wait, name, false);
	return fd == -ENOTDIR || fd == -ELOOP ? -ENOENT : fd;
}

/* Walk through wait/.  A folder that cannot be opened belongs to another user and must not hide the
 * others.  The first such error goes to *ret_error. */
static int
walk_wait(const struct queue *q, struct walk *w, int *ret_error)
{
	struct times t = { 0 };
	int fd, r = wait_times(q, &t);

	for (size_t i = 0; r == 0 && i < t.n; i++) {
		fd = open_bucket(q, t.list[i]);
		if (fd < 0) {
			if (fd != -ENOENT && *ret_error == 0)
				*ret_error = fd;
			continue;
		}
		w->spot.due_s = t.list[i];
		r = walk_folder(w, QUEUE_IN_WAIT, fd);
		(void)close(fd);
	}
	free(t.list);
	w->spot.due_s = 0;
	return r;
}

int
queue_walk(const struct queue *q, unsigned places, queue_visitor *each, void *ctx)
{
	static const enum queue_place order[] = {
		QUEUE_IN_CUR, QUEUE_IN_NEW, QUEUE_IN_WAIT,
		QUEUE_IN_HOLD, QUEUE_IN_DEAD, QUEUE_IN_TMP,
	};
	const int folders[] = {
		[QUEUE_IN_TMP] = q->tmp, [QUEUE_IN_NEW] = q->fresh, [QUEUE_IN_CUR] = q->cur,
		[QUEUE_IN_WAIT] = q->wait, [QUEUE_IN_HOLD] = q->hold, [QUEUE_IN_DEAD] = q->dead,
	};
	struct walk w = { .each = each, .ctx = ctx, .tried = places & QUEUE_TRIED };
	int r = 0, error = 0;

	for (size_t i = 0; r == 0 && i < sizeof order / sizeof order[0]; i++) {
		if (!(places & QUEUE_BIT(order[i])))
			continue;
		if (order[i] == QUEUE_IN_WAIT)
			r = walk_wait(q, &w, &error);
		else
			r = walk_folder(&w, order[i], folders[order[i]]);
	}
	return r ? r : error;
}

int
queue_newest_id(char ret_id[QUEUE_ID_SIZE])
{
	return queue_id_make(ret_id);
}

static bool
is_in(int folder, const char *id)
{
	struct stat st;

	return folder >= 0 && fstatat(folder, id, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Fill the place in with a copy of the descriptor, so that the caller may close every spot. */
static int
set_spot(enum queue_place place, int folder, struct queue_spot *ret)
{
	ret->place = place;
	ret->folder = fcntl(folder, F_DUPFD_CLOEXEC, 3);
	return ret->folder < 0 ? -errno : 0;
}

static int
find_waiting(const struct queue *q, const char *id, struct queue_spot *ret)
{
	struct times t = { 0 };
	int r = wait_times(q, &t);

	for (size_t i = 0; r == 0 && i < t.n; i++) {
		int fd = open_bucket(q, t.list[i]);

		if (fd < 0)
			continue;
		if (is_in(fd, id)) {
			ret->place = QUEUE_IN_WAIT;
			ret->folder = fd;
			ret->due_s = t.list[i];
			free(t.list);
			return 0;
		}
		(void)close(fd);
	}
	free(t.list);
	return r < 0 ? r : -ENOENT;
}

int
queue_find(const struct queue *q, const char *id, unsigned places, struct queue_spot *ret)
{
	const struct {
		enum queue_place place;
		int folder;
	} folders[] = {
		{ QUEUE_IN_NEW, q->fresh }, { QUEUE_IN_CUR, q->cur }, { QUEUE_IN_HOLD, q->hold },
		{ QUEUE_IN_DEAD, q->dead }, { QUEUE_IN_TMP, q->tmp },
	};
	struct queue_spot spot = { .folder = -1 };
	int r = -ENOENT;

	if (!queue_is_id(id))
		return -ENOENT;
	memcpy(spot.id, id, sizeof spot.id);
	/* Twice: it may have moved into a folder that was searched before. */
	for (int i = 0; r == -ENOENT && i < 2; i++) {
		for (size_t k = 0; r == -ENOENT && k < sizeof folders / sizeof folders[0]; k++)
			if ((places & QUEUE_BIT(folders[k].place)) && is_in(folders[k].folder, id))
				r = set_spot(folders[k].place, folders[k].folder, &spot);
		if (r == -ENOENT && (places & QUEUE_BIT(QUEUE_IN_WAIT)))
			r = find_waiting(q, id, &spot);
	}
	if (r == 0)
		*ret = spot;
	return r;
}

void
queue_try(struct queue_spot *spot)
{
	struct queue_reader reader = { 0 };
	char ids[1][QUEUE_ID_SIZE];

	memcpy(ids[0], spot->id, sizeof ids[0]);
	queue_reader_try(&reader, spot->folder, ids, 1, &spot->killed);
	queue_reader_end(&reader);
}

void
queue_spot_done(struct queue_spot *spot)
{
	if (spot->folder >= 0)
		(void)close(spot->folder);
	spot->folder = -1;
}

/* Remove the folder of wait/ if it is empty now: it would count as due. */
static void
remove_bucket(const struct queue *q, const struct queue_spot *spot)
{
	char name[QUEUE_BUCKET_SIZE];

	if (spot->place != QUEUE_IN_WAIT)
		return;
	(void)snprintf(name, sizeof name, "%" PRId64, spot->due_s);
	(void)unlinkat(q->wait, name, AT_REMOVEDIR);
}

static int
move_spot(const struct queue *q, const struct queue_spot *spot, int to)
{
	const int r = queue_lease_check(q);

	if (r < 0)
		return r;
	if (is_in(to, spot->id))	/* a copy that a person made */
		return -EEXIST;
	if (renameat(spot->folder, spot->id, to, spot->id) < 0)
		return -errno;
	remove_bucket(q, spot);
	return 0;
}

int
queue_claim_held(const struct queue *q, const char *id)
{
	struct stat locked, there;
	int r, fd;

	if (!queue_is_id(id))
		return -EINVAL;
	fd = openat(q->hold, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	else if (fstat(fd, &locked) < 0 || fstatat(q->hold, id, &there, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	else	/* the last owner of the lock may have moved it */
		r = locked.st_ino == there.st_ino && locked.st_dev == there.st_dev ? 0 : -ENOENT;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

int
queue_hold(const struct queue *q, const struct queue_spot *spot)
{
	return move_spot(q, spot, q->hold);
}

int
queue_put_new(const struct queue *q, const struct queue_spot *spot)
{
	return move_spot(q, spot, q->fresh);
}

int
queue_put_dead(const struct queue *q, const struct queue_spot *spot)
{
	return move_spot(q, spot, q->dead);
}

int
queue_remove(const struct queue *q, const struct queue_spot *spot)
{
	const int r = queue_lease_check(q);

	if (r < 0)
		return r;
	if (unlinkat(spot->folder, spot->id, 0) < 0)
		return -errno;
	remove_bucket(q, spot);
	return 0;
}
