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
#define BLOCK	       4096		/* octets read at once among the lines of recipients */

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

/* The begin of a file. */
struct start {
	char text[USUAL_ENVELOPE];
	size_t n;
	struct queue_fixed fixed;
};

static int
read_start(int fd, off_t size, struct start *ret)
{
	int r;

	ret->n = (uint64_t)size < sizeof ret->text ? (size_t)size : sizeof ret->text;
	if (ret->n < QUEUE_FIXED)
		return -EBADMSG;
	r = queue_read_at(fd, ret->text, ret->n, 0);
	if (r == 0)
		r = queue_fixed_parse(ret->text, &ret->fixed);
	if (r == 0 && ret->fixed.size > (uint64_t)size)
		r = -EBADMSG;
	return r;
}

static int
load_whole(struct queue_entry *e, const struct start *s)
{
	const uint64_t envelope = s->fixed.envelope;
	const int r = queue_envelope_read(e->fd, envelope, s->n, &e->head);

	if (r < 0)
		return r;
	memcpy(e->head, s->text, envelope < s->n ? (size_t)envelope : s->n);
	return queue_envelope_parse(slice_of(e->head, envelope), e);
}

/* A file, read in blocks up to its octet `end`. */
struct blocks {
	int fd;
	uint64_t at, end;		/* of the current block; of what is read */
	size_t n;
	char octets[BLOCK];
};

/* The octets from `at` on, to the end of a block. */
static int
octets_from(struct blocks *b, uint64_t at, struct slice *ret)
{
	int r;

	if (at >= b->end)
		return -EBADMSG;
	if (at < b->at || at - b->at >= b->n) {
		b->at = at;
		b->n = b->end - at < sizeof b->octets ? (size_t)(b->end - at) : sizeof b->octets;
		r = queue_read_at(b->fd, b->octets, b->n, (off_t)at);
		if (r < 0)
			return r;
	}
	*ret = slice_skip(slice_of(b->octets, b->n), (size_t)(at - b->at));
	return 0;
}

static int
line_begins(struct blocks *b, uint64_t at)
{
	struct slice before;
	const int r = octets_from(b, at - 1, &before);

	return r < 0 ? r : before.p[0] == '\n' ? 0 : -EBADMSG;
}

/* Append the line at `at`, with its LF. */
static int
add_line(struct blocks *b, uint64_t at, struct buf *text)
{
	const char *lf = NULL;
	struct slice some;
	int r = line_begins(b, at);

	while (r == 0 && !lf) {
		r = octets_from(b, at, &some);
		if (r < 0)
			break;
		lf = memchr(some.p, '\n', some.n);
		some.n = lf ? (size_t)(lf - some.p) + 1 : some.n;
		buf_add(text, some);
		at += some.n;
	}
	return r;
}

static int
add_octets(int fd, uint64_t from, uint64_t to, struct buf *text)
{
	const size_t n = (size_t)(to - from);
	int r;

	if (n > text->cap - text->n)
		return -EBADMSG;
	r = n ? queue_read_at(fd, text->p + text->n, n, (off_t)from) : 0;
	text->n += n;
	return r;
}

/* Append all octets but those lines, and of these the lines of the part's recipients. */
static int
read_part(int fd, const struct start *s, const struct queue_part *part, struct buf *text)
{
	const struct queue_lines lines = part->lines;
	struct blocks b = { .fd = fd, .end = lines.to };
	uint64_t next = lines.from;
	int r;

	buf_add(text, slice_of(s->text, lines.from < s->n ? lines.from : s->n));
	r = add_octets(fd, text->n, lines.from, text);
	for (size_t i = 0; r == 0 && i < part->n; i++) {
		r = part->at[i] < next ? -EBADMSG : add_line(&b, part->at[i], text);
		next = (uint64_t)part->at[i] + 1;
	}
	if (r == 0)
		r = line_begins(&b, lines.to);
	if (r == 0)
		r = add_octets(fd, lines.to, s->fixed.envelope, text);
	return r == 0 && text->full ? -EBADMSG : r;
}

/* The memory has room for the whole envelope.  Pages that are not used take none. */
static int
load_part(struct queue_entry *e, const struct start *s, const struct queue_part *part)
{
	struct buf text = { .cap = (size_t)s->fixed.envelope };
	int r;

	if (part->lines.from < QUEUE_FIXED || part->lines.to > s->fixed.envelope)
		return -EBADMSG;
	text.p = e->head = malloc(text.cap);
	if (!e->head)
		return -ENOMEM;
	r = read_part(e->fd, s, part, &text);
	return r < 0 ? r : queue_envelope_parse_part(buf_slice(&text), part, e);
}

static int
load_envelope(struct queue_entry *e, const char *id, off_t size, const struct queue_part *part)
{
	struct start s = { .n = 0 };
	int r = read_start(e->fd, size, &s);

	if (r < 0)
		return r;
	if (part && part->lines.from < part->lines.to && s.fixed.envelope > s.n)
		r = load_part(e, &s, part);
	else
		r = load_whole(e, &s);
	return r == 0 && strcmp(e->id, id) != 0 ? -EBADMSG : r;
}

/* Exchange recipients so that those of the part are the first. */
static int
bring_forward(struct queue_entry *e, const struct queue_part *part)
{
	size_t n = 0;

	for (size_t i = 0; i < e->nrcpts && n < part->n; i++) {
		const struct queue_rcpt rcpt = e->rcpts[i];

		if (rcpt.at != (off_t)part->at[n])
			continue;
		e->rcpts[i] = e->rcpts[n];
		e->rcpts[n++] = rcpt;
	}
	return n == part->n ? 0 : -EBADMSG;
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
load_file(int fd, off_t size, const char *id, bool look, const struct queue_part *part,
    struct queue_entry *ret)
{
	struct queue_entry e = { .fd = fd };
	int r = load_envelope(&e, id, size, part);

	if (r == 0)
		r = drop_duplicates(&e, look);
	if (r == 0 && part)
		r = bring_forward(&e, part);
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
	return fd < 0 ? fd : load_file(fd, size, id, look, NULL, ret);
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
queue_load_open(int fd, const char *id, const struct queue_part *part, struct queue_entry *ret)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return load_file(fd, st.st_size, id, false, part, ret);
	(void)close(fd);
	return -EBADMSG;
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
