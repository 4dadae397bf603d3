// SPDX-License-Identifier: ISC
/*
 * One message of cur/, opened for a delivery.  Its envelope is in memory; its states are changed in
 * place, one octet each.  Any number of processes may open the same message and mark different
 * recipients, without a lock.
 */
#include "queue/format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/idn.h"
#include "queue/folders.h"
#include "queue/operator.h"

#define USUAL_SIZE     (1 << 20)	/* a greater envelope is checked for holes */
#define USUAL_ENVELOPE 1024		/* octets read at once; the rest of a longer one follows */

/* Order recipients by address; equal addresses stay in the order of the envelope.  Local parts are
 * compared exactly, domains by their canonical form (RFC 5321 section 2.4). */
static int
compare_rcpts(const void *left, const void *right)
{
	const struct queue_rcpt *a = *(const struct queue_rcpt *const *)left;
	const struct queue_rcpt *b = *(const struct queue_rcpt *const *)right;
	const size_t local = a->path.n - a->domain.n, other = b->path.n - b->domain.n;
	int order;

	if (local != other)
		return local < other ? -1 : 1;
	order = memcmp(a->path.p, b->path.p, local);
	if (order == 0)
		order = idn_compare(a->domain, b->domain);
	return order ? order : (a > b) - (a < b);
}

static bool
same_address(const struct queue_rcpt *a, const struct queue_rcpt *b)
{
	size_t local = a->path.n - a->domain.n;

	return local == b->path.n - b->domain.n && idn_same(a->domain, b->domain) &&
	    memcmp(a->path.p, b->path.p, local) == 0;
}

int
queue_drop_duplicates(struct queue_entry *e)
{
	struct queue_rcpt **sorted;

	if (e->nrcpts < 2)
		return 0;
	sorted = calloc(e->nrcpts, sizeof(struct queue_rcpt *));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < e->nrcpts; i++)
		sorted[i] = &e->rcpts[i];
	qsort(sorted, e->nrcpts, sizeof(struct queue_rcpt *), compare_rcpts);
	for (size_t i = 1; i < e->nrcpts; i++) {
		if (!same_address(sorted[i - 1], sorted[i]) || sorted[i]->state != QUEUE_PENDING)
			continue;
		/* If the write fails, the next load finds the duplicate again. */
		sorted[i]->state = QUEUE_DELIVERED;
		if (e->fd >= 0)
			(void)queue_mark(e, (size_t)(sorted[i] - e->rcpts), QUEUE_DELIVERED);
	}
	free(sorted);
	return 0;
}

int
queue_envelope_read(int fd, uint64_t envelope, size_t have, char **ret_text)
{
	char *text;
	off_t hole;
	int r = 0;

	/* A sparse file claims what it does not hold.  No part of an envelope is a hole. */
	hole = envelope > USUAL_SIZE ? lseek(fd, 0, SEEK_HOLE) : -1;
	if (envelope > QUEUE_ENVELOPE_MAX || (hole >= 0 && (uint64_t)hole < envelope))
		return -EBADMSG;
	text = malloc(envelope + 1);
	if (!text)
		return -ENOMEM;
	if (envelope > have)
		r = queue_read_at(fd, text + have, envelope - have, (off_t)have);
	if (r < 0)
		free(text);
	else
		*ret_text = text;
	return r;
}

static int
load_envelope(struct queue_entry *e, const char *id, off_t size)
{
	char text[USUAL_ENVELOPE];
	const size_t n = (uint64_t)size < sizeof text ? (size_t)size : sizeof text;
	struct queue_fixed fixed = { 0 };
	int r;

	if (n < QUEUE_FIXED)
		return -EBADMSG;
	r = queue_read_at(e->fd, text, n, 0);
	if (r == 0)
		r = queue_fixed_parse(text, &fixed);
	if (r < 0)
		return r;
	if (fixed.size > (uint64_t)size)
		return -EBADMSG;
	r = queue_envelope_read(e->fd, fixed.envelope, n, &e->head);
	if (r < 0)
		return r;
	memcpy(e->head, text, fixed.envelope < n ? (size_t)fixed.envelope : n);
	r = queue_envelope_parse(slice_of(e->head, fixed.envelope), e);
	if (r == 0 && strcmp(e->id, id) != 0)
		r = -EBADMSG;
	return r;
}

/* Drop duplicates.  A message that is only looked at is not marked in its file. */
static int
drop_duplicates(struct queue_entry *e, bool look)
{
	int r, fd = e->fd;

	if (look)
		e->fd = -1;
	r = queue_drop_duplicates(e);
	e->fd = fd;
	return r;
}

/* Load the open file fd, which is closed after an error. */
static int
load_file(int fd, off_t size, const char *id, bool look, struct queue_entry *ret)
{
	struct queue_entry e = { .fd = fd };
	int r = load_envelope(&e, id, size);

	if (r == 0)
		r = drop_duplicates(&e, look);
	if (r == 0) {
		*ret = e;
		return 0;
	}
	(void)close(e.fd);
	e.fd = -1;
	queue_unload(&e);
	return r;
}

static int
load_from(int folder, const char *id, bool look, struct queue_entry *ret)
{
	off_t size = 0;
	int fd;

	if (!queue_is_id(id))
		return -EINVAL;
	fd = look ? queue_file_look(folder, id, &size) : queue_file(folder, id, &size);
	return fd < 0 ? fd : load_file(fd, size, id, look, ret);
}

int
queue_open_message(const struct queue *q, const char *id)
{
	off_t size;

	return queue_is_id(id) ? queue_file(q->cur, id, &size) : -EINVAL;
}

int
queue_open_to_read(const struct queue *q, const char *id)
{
	off_t size;

	return queue_is_id(id) ? queue_file_look(q->cur, id, &size) : -EINVAL;
}

int
queue_load_open(int fd, const char *id, struct queue_entry *ret)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return load_file(fd, st.st_size, id, false, ret);
	(void)close(fd);
	return -EBADMSG;
}

static bool
is_file_of(const struct queue_entry *e, int fd)
{
	struct stat ours, theirs;

	return e->head && fstat(e->fd, &ours) == 0 && fstat(fd, &theirs) == 0 &&
	    ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

static bool
read_fixed_again(struct queue_entry *e)
{
	struct queue_fixed fixed;
	char text[QUEUE_FIXED];

	if (queue_read_at(e->fd, text, sizeof text, 0) < 0 || queue_fixed_parse(text, &fixed) < 0 ||
	    fixed.envelope != e->content_at || fixed.size - fixed.envelope != e->content_size)
		return false;
	e->attempts = fixed.attempts;
	e->warned = fixed.warned;
	return true;
}

bool
queue_load_again(struct queue_entry *e, int fd, const uint32_t *rcpts, size_t n)
{
	if (!is_file_of(e, fd) || !read_fixed_again(e))
		return false;
	for (size_t i = 0; i < n; i++) {
		char state;

		if (rcpts[i] >= e->nrcpts ||
		    queue_read_at(e->fd, &state, 1, e->rcpts[rcpts[i]].at) < 0 ||
		    !queue_is_state(state))
			return false;
		e->rcpts[rcpts[i]].state = state;
	}
	(void)close(fd);
	return true;
}

int
queue_load(const struct queue *q, const char *id, struct queue_entry *ret)
{
	return load_from(q->cur, id, false, ret);
}

int
queue_load_at(const struct queue_spot *spot, struct queue_entry *ret)
{
	return spot->killed ? -ENOTRECOVERABLE : load_from(spot->folder, spot->id, false, ret);
}

int
queue_look(const struct queue_spot *spot, struct queue_entry *ret)
{
	return spot->killed ? -ENOTRECOVERABLE : load_from(spot->folder, spot->id, true, ret);
}

void
queue_unload(struct queue_entry *e)
{
	if (e->fd >= 0 && e->head)	/* not the fd 0 of a struct that was never filled */
		(void)close(e->fd);
	free(e->rcpts);
	free(e->head);
	*e = (struct queue_entry){ .fd = -1 };
}

ssize_t
queue_read(const struct queue_entry *e, uint64_t at, char *to, size_t n)
{
	const uint64_t rest = at < e->content_size ? e->content_size - at : 0;
	const size_t some = rest < n ? (size_t)rest : n;
	const int r = file_read_at(e->fd, to, some, (off_t)(e->content_at + at));

	if (r < 0)
		return r == -ENODATA ? -EIO : r;
	return (ssize_t)some;
}

int
queue_mark(struct queue_entry *e, size_t rcpt, enum queue_rcpt_state state)
{
	char octet = (char)state;
	int r = queue_write_at(e->fd, slice_of(&octet, 1), e->rcpts[rcpt].at);

	if (r == 0)
		e->rcpts[rcpt].state = octet;
	return r;
}

int
queue_mark_warned(struct queue_entry *e)
{
	int r = queue_write_at(e->fd, SL("y"), (off_t)QUEUE_WARNED_AT);

	if (r == 0)
		e->warned = true;
	return r;
}
