// SPDX-License-Identifier: ISC
/*
 * Claiming messages into cur/: from new/, and from wait/ when they are due.  Each call takes some,
 * so that the runner can do other work in between, however large the queue is.
 */
#include "queue/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/folders.h"
#include "queue/lease.h"

#define FAR_S  (INT64_C(30) * 86400)
#define SKEW_S 60	/* difference allowed between our clock and a file system's */

int
queue_walk_begin(struct queue_walk *w, int folder)
{
	int r, fd = queue_folder(folder, ".", false);

	if (fd < 0)
		return fd;
	w->names = fdopendir(fd);
	if (w->names)
		return 0;
	r = -errno;
	(void)close(fd);
	return r;
}

void
queue_walk_end(struct queue_walk *w)
{
	if (w->names)
		(void)closedir(w->names);
	w->names = NULL;
}

const char *
queue_walk_next(struct queue_walk *w, int *ret_error)
{
	const struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(w->names);
	} while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	if (entry)
		return entry->d_name;
	if (errno && *ret_error == 0)
		*ret_error = -errno;
	queue_walk_end(w);
	return NULL;
}

struct taking {
	const struct queue *q;
	queue_visit *each;	/* NULL: all are taken without a call */
	void *ctx;
	int count;
	int error;		/* the first one: one bad file must not stop the others */
	bool enough;
};

/* Claim one file.  If it is not a message, it must also leave new/: a path unit watches new/ and
 * would start the runner again and again. */
static void
take_one(struct taking *t, int from, const char *name)
{
	int r = -EEXIST;

	if (queue_is_id(name))
		r = renameat(from, name, t->q->cur, name) < 0 ? -errno : 0;
	if (r == 0) {
		t->count++;
		t->enough = t->each && !t->each(t->ctx, name);
	}
	/* It is not a message, or cur/ has a folder of that name. */
	if (r == -EEXIST || r == -ENOTEMPTY || r == -EISDIR || r == -ENOTDIR)
		r = queue_move_to_dead(t->q, from, name);
	if (r < 0 && r != -ENOENT && t->error == 0)
		t->error = r;
}

static void
take_names(struct taking *t, struct queue_walk *w)
{
	const char *name;
	int r = 0;

	while (!t->enough && r == 0 && (name = queue_walk_next(w, &t->error))) {
		r = queue_lease_check(t->q);
		if (r == 0)
			take_one(t, dirfd(w->names), name);
	}
	if (r == 0)
		return;
	queue_walk_end(w);	/* not a wait for each name: a later walk takes them */
	t->enough = true;
	if (t->error == 0)
		t->error = r;
}

int
queue_walk_new(const struct queue *q, struct queue_walk *w, queue_visit *each, void *ctx)
{
	struct taking t = { .q = q, .each = each, .ctx = ctx };
	int r = w->names ? 0 : queue_walk_begin(w, q->fresh);

	if (r < 0)
		return r;
	take_names(&t, w);
	return t.error ? t.error : t.count;
}

/* Is a folder of wait/ due?  It also counts as due if a wrong clock wrote its time.  Then the time
 * is too far away, or the folder was last changed in the future. */
static bool
is_due(const struct queue *q, const char *name, int64_t due_s, int64_t now_s)
{
	struct stat st;

	if (due_s <= now_s || due_s - now_s > FAR_S)
		return true;
	return fstatat(q->wait, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_mtim.tv_sec > clock_wall_s() + SKEW_S;
}

struct search {
	const struct queue *q;
	struct queue_walk *w;
	int64_t now_s;
};

/* Keep the earliest times, sorted: wait/ may hold very many, and must not be searched again for
 * each of them. */
static int
keep_due(void *ctx, const char *name)
{
	const struct search *s = ctx;
	struct queue_walk *w = s->w;
	const bool full = w->ndue == QUEUE_WALK_BUCKETS;
	int64_t due_s;
	unsigned i;

	if (!queue_bucket_time(name, &due_s) || due_s <= w->bucket ||
	    (full && due_s >= w->due[w->ndue - 1]) || !is_due(s->q, name, due_s, s->now_s))
		return 0;
	for (i = full ? w->ndue - 1 : w->ndue++; i && w->due[i - 1] > due_s; i--)
		w->due[i] = w->due[i - 1];
	w->due[i] = due_s;
	return 0;
}

/* The time of the next folder that is due; 0 if there is none, or after an error. */
static int64_t
next_due(const struct queue *q, struct queue_walk *w, int64_t now_s, int *ret_error)
{
	struct search s = { .q = q, .w = w, .now_s = now_s };

	*ret_error = w->ndue ? 0 : queue_names(q->wait, keep_due, &s);
	if (*ret_error < 0 || w->ndue == 0)
		return 0;
	w->bucket = w->due[0];
	w->ndue--;
	memmove(w->due, w->due + 1, w->ndue * sizeof w->due[0]);
	return w->bucket;
}

/* Open the next folder that is due.  False if there is none; an error is left in t. */
static bool
begin_bucket(struct taking *t, struct queue_walk *w, int64_t now_s)
{
	char name[QUEUE_BUCKET_SIZE];
	int64_t due_s;
	int folder, r;

	do {
		due_s = next_due(t->q, w, now_s, &r);
		if (due_s == 0)
			break;
		(void)snprintf(name, sizeof name, "%" PRId64, due_s);
		folder = queue_folder(t->q->wait, name, false);
		r = folder < 0 ? folder : queue_walk_begin(w, folder);
		if (folder >= 0)
			(void)close(folder);
		/* A folder of another user cannot be read; it must not stop the later ones. */
		if (r < 0 && r != -ENOTDIR && r != -ELOOP && r != -ENOENT && t->error == 0)
			t->error = r;
	} while (r < 0);
	if (r < 0 && t->error == 0)
		t->error = r;
	return w->names != NULL;
}

/* Remove an empty folder of wait/.  If it is not empty, a message was added just now and is taken
 * next time. */
static void
remove_bucket(const struct queue *q, int64_t due_s)
{
	char name[QUEUE_BUCKET_SIZE];

	(void)snprintf(name, sizeof name, "%" PRId64, due_s);
	(void)unlinkat(q->wait, name, AT_REMOVEDIR);
}

int
queue_walk_due(const struct queue *q, struct queue_walk *w, int64_t now_s, queue_visit *each,
    void *ctx)
{
	struct taking t = { .q = q, .each = each, .ctx = ctx };

	while (!t.enough && (w->names || begin_bucket(&t, w, now_s))) {
		take_names(&t, w);
		if (!w->names)
			remove_bucket(q, w->bucket);
	}
	if (!w->names)
		w->bucket = 0;
	return t.error ? t.error : t.count;
}

int
queue_walk_cur(const struct queue *q, struct queue_walk *w, queue_visit *each, void *ctx)
{
	int count = 0, r = w->names ? 0 : queue_walk_begin(w, q->cur);
	const char *name;

	while (r == 0 && (name = queue_walk_next(w, &r))) {
		if (!queue_is_id(name))
			continue;
		count++;
		if (!each(ctx, name))
			break;
	}
	return r < 0 ? r : count;
}

struct flush {
	const struct queue *q;
	int64_t now_s, next;
	int count, error;
};

/* Rename a folder of wait/ to a time long ago that no other folder has. */
static int
flush_bucket(void *ctx, const char *name)
{
	struct flush *f = ctx;
	char past[QUEUE_BUCKET_SIZE];
	int64_t due_s;
	int r;

	if (!queue_bucket_time(name, &due_s) || due_s <= f->now_s)
		return 0;
	do {
		(void)snprintf(past, sizeof past, "%" PRId64, f->next++);
		r = renameat(f->q->wait, name, f->q->wait, past) < 0 ? -errno : 0;
	} while (f->next < f->now_s && (r == -EEXIST || r == -ENOTEMPTY || r == -ENOTDIR));
	if (r == 0)
		f->count++;
	else if (r != -ENOENT && f->error == 0)
		f->error = r;
	return 0;
}

int
queue_flush(const struct queue *q)
{
	struct flush f = { .q = q, .now_s = clock_wall_s(), .next = 1 };
	int r = queue_lease_check(q);

	if (r == 0)
		r = queue_names(q->wait, flush_bucket, &f);

	if (r == 0)
		r = f.error;
	return r < 0 ? r : f.count;
}

static int
keep_earlier(void *ctx, const char *name)
{
	int64_t *next = ctx, due;

	if (queue_bucket_time(name, &due) && (*next == 0 || due < *next))
		*next = due;
	return 0;
}

int64_t
queue_next_due(const struct queue *q)
{
	int64_t next = 0;

	(void)queue_names(q->wait, keep_earlier, &next);
	return next;
}
