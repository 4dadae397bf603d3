// SPDX-License-Identifier: ISC
/*
 * The names of dead/why/ are IDs; ".settled" follows if the sender does not wait for a notice.  The
 * reason is written before the message moves: after a crash in between it belongs to no message of
 * dead/, and is removed.  Nothing here reads a message.
 */
#include "queue/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "queue/folders.h"
#include "queue/lease.h"

#define DEATHS	  "deaths"
#define SETTLED	  ".settled"
#define NAME_SIZE (QUEUE_ID_SIZE + sizeof SETTLED)

struct lines {
	char text[QUEUE_WHY_MAX];
	size_t n;
};

/* Read the start of a small file.  0 or -errno. */
static int
read_lines(int folder, const char *name, struct lines *ret)
{
	off_t size = 0;
	int r, fd = queue_file_look(folder, name, &size);

	if (fd < 0)
		return fd;
	ret->n = (uint64_t)size < sizeof ret->text ? (size_t)size : sizeof ret->text;
	r = file_read_at(fd, ret->text, ret->n, 0);
	(void)close(fd);
	return r;
}

/* Append a line with the time before it. */
static int
add_line(const struct queue *q, int folder, const char *name, const char *text)
{
	char space[400];
	struct buf b = { .p = space, .cap = sizeof space - 1 };
	int r, fd = openat(folder, name,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	clock_stamp(&b, clock_wall_s());
	buf_chr(&b, ' ');
	for (; *text && !b.full; text++)
		buf_chr(&b, (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
	space[b.n++] = '\n';
	/* Another machine may have adopted the queue since the file was opened. */
	r = queue_lease_check(q);
	if (r == 0)
		r = queue_write(fd, buf_slice(&b));
	(void)close(fd);
	return r;
}

static int
count_lines(const struct lines *l)
{
	int n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->text[i] == '\n';
	return n;
}

/* Open state/deaths/ for a change of what it has about this message.  A descriptor or -errno. */
static int
open_deaths(const struct queue *q, const char *id, bool create)
{
	const int r = queue_lease_check(q);

	if (r < 0)
		return r;
	return queue_is_id(id) ? queue_folder(q->state, DEATHS, create) : -EINVAL;
}

int
queue_death(const struct queue *q, const char *id, const char *text)
{
	struct lines l = { 0 };
	int r, folder = open_deaths(q, id, true);

	if (folder < 0)
		return folder;
	r = add_line(q, folder, id, text);
	if (r == 0)
		r = read_lines(folder, id, &l);
	(void)close(folder);
	return r < 0 ? r : count_lines(&l);
}

/* Move the lines from state/deaths/ to dead/why/.  state/ may be on another file system. */
static int
keep_reason(int deaths, int why, const char *id)
{
	struct lines l = { 0 };
	int r, fd;

	if (renameat(deaths, id, why, id) == 0)
		return 0;
	r = read_lines(deaths, id, &l);
	if (r < 0)
		return r;
	fd = file_create(why, id);
	if (fd < 0)
		return fd;
	r = queue_write(fd, slice_of(l.text, l.n));
	(void)close(fd);
	(void)unlinkat(deaths, id, 0);
	return r;
}

int
queue_put_aside(const struct queue *q, int from, const char *id)
{
	int r, why, deaths = open_deaths(q, id, false);

	if (deaths < 0)
		return deaths;
	why = queue_folder(q->dead, QUEUE_WHY, true);
	r = why < 0 ? why : keep_reason(deaths, why, id);
	(void)close(deaths);
	if (why >= 0)
		(void)close(why);
	return r < 0 ? r : queue_move_to_dead(q, from, id);
}

bool
queue_why_aside(const struct queue *q, const char *id, struct buf *b)
{
	struct lines l = { 0 };
	struct slice rest, line = { 0 };
	char name[NAME_SIZE];
	int r, folder = -1;

	if (queue_is_id(id) && q->dead >= 0)
		folder = queue_folder(q->dead, QUEUE_WHY, false);
	if (folder < 0)
		return false;
	r = read_lines(folder, id, &l);
	(void)snprintf(name, sizeof name, "%s" SETTLED, id);
	if (r == -ENOENT)
		r = read_lines(folder, name, &l);
	(void)close(folder);
	for (rest = slice_of(l.text, l.n); r == 0 && rest.n;)
		line = slice_cut(rest, '\n', &rest);
	(void)slice_cut(line, ' ', &line);
	buf_add(b, line);
	return r == 0;
}

/* A walk through dead/why/. */
struct aside {
	const struct queue *q;
	int folder;
	int64_t before_s;
	int (*each)(void *ctx, const char *id);
	void *ctx;
};

static int
visit_name(void *ctx, const char *name)
{
	const struct aside *a = ctx;
	struct stat st;

	if (!queue_is_id(name) || queue_id_time_s(name) >= a->before_s)
		return 0;
	if (fstatat(a->q->dead, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return a->each(a->ctx, name);
	/* An operator has removed the message. */
	if (errno == ENOENT && queue_lease_check(a->q) == 0)
		(void)unlinkat(a->folder, name, 0);
	return 0;
}

int
queue_each_aside(const struct queue *q, int64_t before_s,
    int (*each)(void *ctx, const char *id), void *ctx)
{
	struct aside a = { .q = q, .before_s = before_s, .each = each, .ctx = ctx };
	int r;

	a.folder = queue_folder(q->dead, QUEUE_WHY, false);
	if (a.folder < 0)
		return a.folder == -ENOENT ? 0 : a.folder;
	r = queue_names(a.folder, visit_name, &a);
	(void)close(a.folder);
	return r;
}

int
queue_aside_settled(const struct queue *q, const char *id, const char *text)
{
	char name[NAME_SIZE];
	int folder, r = queue_lease_check(q);

	if (r < 0)
		return r;
	folder = queue_is_id(id) ? queue_folder(q->dead, QUEUE_WHY, false) : -EINVAL;
	if (folder < 0)
		return folder;
	(void)snprintf(name, sizeof name, "%s" SETTLED, id);
	r = add_line(q, folder, id, text);
	if (renameat(folder, id, folder, name) < 0)
		r = -errno;
	(void)close(folder);
	return r;
}

void
queue_deaths_forget(const struct queue *q, const char *id)
{
	const int folder = open_deaths(q, id, false);

	if (folder < 0)
		return;
	(void)unlinkat(folder, id, 0);
	(void)close(folder);
}

bool
queue_deaths_sweep(const struct queue *q, int64_t now_s, int64_t max_age_s)
{
	return queue_sweep(q->state, DEATHS, now_s - max_age_s) > 0;
}
