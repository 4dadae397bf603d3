// SPDX-License-Identifier: ISC
/*
 * The log of a message: lines behind its content, for people and for the bounce, which quotes the
 * last of them.  Its size is limited: a full log loses its older half.  It is never synced; a power
 * cut that loses lines loses no message.
 *
 * Writers take turns with an fcntl(2) lock on the range of the log.  Such locks belong to the
 * process.  So workers that inherited the same descriptor also exclude each other.
 */
#include "queue/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/folders.h"

#define LOG_MAX  65536
#define LOG_KEEP (LOG_MAX / 2)
#define NOTE_MAX 4000
#define LOCK_QUICK   50		/* tries after a millisecond each */
#define LOCK_STEP_MS 50		/* between the others */
#define LOCK_TRIES   90		/* two seconds in all */
#define STAMP    (sizeof "2026-11-22T05:02:53Z" - 1)

static off_t
log_at(const struct queue_entry *e)
{
	return (off_t)(e->content_at + e->content_size);
}

/* Not for ever: a process that was stopped on another machine keeps its lock.  A note is worth less
 * than the delivery that would wait for it. */
static int
lock_log(const struct queue_entry *e, short type)
{
	struct flock range = { .l_type = type, .l_whence = SEEK_SET, .l_start = log_at(e) };

	for (int i = 0; fcntl(e->fd, F_SETLK, &range) < 0; i++) {
		const long ms = i < LOCK_QUICK ? 1 : LOCK_STEP_MS;
		const struct timespec step = { .tv_nsec = ms * 1000000 };

		if ((errno != EAGAIN && errno != EACCES && errno != EINTR) || i == LOCK_TRIES)
			return -errno;
		(void)nanosleep(&step, NULL);
	}
	return 0;
}

/* The size of the log in octets.  At most LOG_MAX are read: we never write more. */
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

/* Move the newest lines of a full log to its start.  *size gets the octets that are left. */
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
		/* The first line is not whole. */
		(void)slice_cut(slice_of(text, keep), '\n', &lines);
		r = queue_write_at(e->fd, lines, log_at(e));
		*size = lines.n;
	}
	if (r == 0 && ftruncate(e->fd, log_at(e) + (off_t)*size) < 0)
		r = -errno;
	free(text);
	return r;
}

static int
append_lines(const struct queue_entry *e, struct slice line)
{
	size_t size = 0;
	int r = log_size(e, &size);

	if (r < 0)
		return r;
	if (size + line.n > LOG_MAX)
		r = drop_oldest(e, &size);
	if (r == 0)
		r = queue_write_at(e->fd, line, log_at(e) + (off_t)size);
	/* Remove half a line, which the next one would continue.  An error is ignored: it is only a
	 * log. */
	if (r < 0)
		(void)!ftruncate(e->fd, log_at(e) + (off_t)size);
	return r;
}

static int
append_locked(const struct queue_entry *e, struct slice lines)
{
	int r = lock_log(e, F_WRLCK);

	if (r < 0)
		return r;
	r = append_lines(e, lines);
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

/* The note of a log line "STAMP <path> ..." for that path, from "<path>" on.  Empty if the line is
 * about another recipient. */
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

/* The last note of a log about that path. */
static struct slice
last_for(struct slice log, struct slice path)
{
	struct slice note, last = { 0 };

	while (log.n) {
		note = note_for(slice_cut(log, '\n', &log), path);
		if (note.n)
			last = note;
	}
	return last;
}

/* Appends a note, or replaces the last one about its recipient that is like it. */
static int
replace_note(const struct queue_entry *e, struct slice path, struct slice note, size_t first)
{
	const size_t before = STAMP + 1, line_n = note.n - 1;
	struct slice last;
	char *text;
	size_t size;
	int r = queue_log(e, &text, &size);

	if (r < 0)
		return r;
	last = last_for(slice_of(text, size), path);
	if (last.n == line_n - before && first <= last.n &&
	    memcmp(last.p, note.p + before, first) == 0)
		r = queue_write_at(e->fd, slice_of(note.p, line_n),
		    log_at(e) + (last.p - text) - (off_t)before);
	else
		r = append_lines(e, note);
	free(text);
	return r;
}

int
queue_note_again(struct queue_entry *e, struct slice path, struct slice line, size_t first)
{
	char text[STAMP + 1 + NOTE_MAX + 1];
	struct buf b = BUF(text);
	int r;

	add_note(&b, line, clock_wall_s());
	r = lock_log(e, F_WRLCK);
	if (r < 0)
		return r;
	r = replace_note(e, path, buf_slice(&b), first);
	(void)lock_log(e, F_UNLCK);
	return r;
}

void
queue_last_note(const struct queue_entry *e, struct slice path, struct buf *b)
{
	struct slice last;
	char *text;
	size_t size;

	if (queue_log(e, &text, &size) < 0)
		return;
	last = last_for(slice_of(text, size), path);
	if (last.n > b->cap - b->n)
		last.n = b->cap - b->n;
	buf_add(b, last);
	free(text);
}
