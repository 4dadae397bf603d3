// SPDX-License-Identifier: ISC
/*
 * A message's log: lines behind its content, for people and for the bounce that
 * quotes the last of them.  Bounded, and the newest are kept: what is full
 * loses its older half.  Never synced; losing it in a power cut costs nobody a message.
 *
 * Writers take turns by a lock on the log's octets.  It is one of fcntl(2)'s: they
 * belong to the process, so also workers that inherited one descriptor from their parent exclude each other.
 */
#include "queue/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/folders.h"

#define LOG_MAX  65536
#define LOG_KEEP (LOG_MAX / 2)
#define NOTE_MAX 2000
#define STAMP    (sizeof "2026-11-22T05:02:53Z" - 1)

static off_t
log_at(const struct queue_entry *e)
{
	return (off_t)(e->content_at + e->content_size);
}

static int
lock_log(const struct queue_entry *e, short type)
{
	struct flock range = { .l_type = type, .l_whence = SEEK_SET, .l_start = log_at(e) };

	while (fcntl(e->fd, F_SETLKW, &range) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* Its octets.  More than we would have written is not ours to read. */
static int
log_size(const struct queue_entry *e, size_t *ret)
{
	struct stat st;

	if (fstat(e->fd, &st) < 0)
		return -errno;
	if (st.st_size < log_at(e))
		return -EBADMSG;
	*ret = st.st_size - log_at(e) < LOG_MAX ? (size_t)(st.st_size - log_at(e)) : LOG_MAX;
	return 0;
}

/* Move the newest lines of a full log to its front; *size becomes what is left. */
static int
drop_oldest(const struct queue_entry *e, size_t *size)
{
	size_t keep = *size < LOG_KEEP ? *size : LOG_KEEP;
	char *text = malloc(keep + 1);
	struct slice lines;
	int r;

	if (!text)
		return -ENOMEM;
	r = queue_read_at(e->fd, text, keep, log_at(e) + (off_t)(*size - keep));
	if (r == 0) {
		(void)slice_cut(slice_of(text, keep), '\n', &lines);	/* the first one is not whole */
		r = queue_write_at(e->fd, lines, log_at(e));
		*size = lines.n;
	}
	if (r == 0 && ftruncate(e->fd, log_at(e) + (off_t)*size) < 0)
		r = -errno;
	free(text);
	return r;
}

static int
append(const struct queue_entry *e, struct slice line)
{
	size_t size = 0;
	int r = log_size(e, &size);

	if (r < 0)
		return r;
	if (size + line.n > LOG_MAX)
		r = drop_oldest(e, &size);
	if (r == 0)
		r = queue_write_at(e->fd, line, log_at(e) + (off_t)size);
	if (r < 0)	/* no half line for the next one to continue; if this fails too it is only a log */
		(void)!ftruncate(e->fd, log_at(e) + (off_t)size);
	return r;
}

static int
append_locked(const struct queue_entry *e, struct slice lines)
{
	int r = lock_log(e, F_WRLCK);

	if (r < 0)
		return r;
	r = append(e, lines);
	(void)lock_log(e, F_UNLCK);
	return r;
}

static void
add_note(struct buf *b, struct slice line, int64_t now_s)
{
	clock_stamp(b, now_s);
	buf_chr(b, ' ');
	for (size_t i = 0; i < line.n && i < NOTE_MAX; i++)
		buf_chr(b, (unsigned char)line.p[i] < ' ' || line.p[i] == 0x7f ? '?' : line.p[i]);
	buf_chr(b, '\n');
}

int
queue_note(struct queue_entry *e, struct slice line)
{
	char text[STAMP + 1 + NOTE_MAX + 1];
	struct buf b = BUF(text);

	add_note(&b, line, clock_wall_s());
	return append_locked(e, buf_slice(&b));
}

int
queue_note_lines(struct queue_entry *e, struct slice lines)
{
	const int64_t now_s = clock_wall_s();
	char *text = malloc(LOG_KEEP);
	struct buf b = { .p = text, .cap = LOG_KEEP };
	int r;

	if (!text)
		return -ENOMEM;
	while (lines.n) {
		const size_t whole = b.n;

		add_note(&b, slice_cut(lines, '\n', &lines), now_s);
		if (b.full) {
			b.n = whole;
			break;
		}
	}
	r = append_locked(e, buf_slice(&b));
	free(text);
	return r;
}

/* "STAMP <path> ...": the rest of it from the path on, or nothing. */
static struct slice
note_for(struct slice line, struct slice path)
{
	struct slice note = slice_skip(line, STAMP + 1), rest = note;

	if (rest.n < path.n + 2 || rest.p[0] != '<' || rest.p[path.n + 1] != '>' ||
	    !slice_eq(slice_of(rest.p + 1, path.n), path))
		return slice_of(NULL, 0);
	rest = slice_skip(rest, path.n + 2);
	return rest.n == 0 || rest.p[0] == ' ' ? note : slice_of(NULL, 0);
}

int
queue_log(const struct queue_entry *e, char **ret_text, size_t *ret_n)
{
	size_t size = 0;
	char *text;
	int r = log_size(e, &size);

	if (r < 0)
		return r;
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	r = queue_read_at(e->fd, text, size, log_at(e));
	if (r < 0) {
		free(text);
		return r;
	}
	text[size] = '\0';
	*ret_text = text;
	*ret_n = size;
	return 0;
}

void
queue_last_note(const struct queue_entry *e, struct slice path, struct buf *b)
{
	struct slice rest, note, last = { 0 };
	char *text;
	size_t size;

	if (queue_log(e, &text, &size) < 0)
		return;
	for (rest = slice_of(text, size); rest.n;) {
		note = note_for(slice_cut(rest, '\n', &rest), path);
		if (note.n)
			last = note;
	}
	if (last.n > b->cap - b->n)
		last.n = b->cap - b->n;
	buf_add(b, last);
	free(text);
}
