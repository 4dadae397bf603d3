// SPDX-License-Identifier: ISC
/*
 * The file has the counters as they were, and no differences: an hour without a run costs nothing
 * but its place in a chart, and counters that begin anew show.
 */
#include "runner/history.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/words.h"
#include "queue/folders.h"
#include "queue/lease.h"
#include "stats/stats.h"

#define FILE_NAME "history"
#define HOUR      3600
#define LINE_SIZE 200		/* of a host */
#define TEXT_MAX  (HISTORY_HOSTS * LINE_SIZE + 4096)
#define CAUSE     "cause-"

static const char *
cause_word(unsigned cause)
{
	return stats_table[STATS_CAUSES].values[cause];
}

/* ---- writing ---- */

static void
add_counts(struct buf *b, const struct queue *q, const char *stamp)
{
	static struct counted counted;
	uint64_t sums[COUNTED_SUMS];

	counted_read(q, &counted);
	counted_add_up(&counted, sums);
	buf_fmt(b, "%s counts", stamp);
	for (unsigned i = 0; i < COUNTED_SUMS; i++)
		buf_fmt(b, " %s=%" PRIu64, counted_words[i], sums[i]);
	for (unsigned i = 0; i < CAUSE_COUNT; i++)
		if (counted.files[0].counts[STATS_CAUSES][i])
			buf_fmt(b, " " CAUSE "%s=%" PRIu64, cause_word(i),
			    counted.files[0].counts[STATS_CAUSES][i]);
	buf_chr(b, '\n');
}

static int
measured_last(const void *a, const void *b)
{
	const struct host *x = a, *y = b;

	return x->measured_s < y->measured_s ? 1 : x->measured_s > y->measured_s
	    ? -1 : strcmp(x->address, y->address);
}

static void
add_host(struct buf *b, const struct host *h, const char *stamp)
{
	buf_fmt(b, "%s host %s %s connect-us=%" PRId64 " greeting-us=%" PRId64 " failures=%u\n",
	    stamp, h->address, h->name[0] ? h->name : "-", h->connect_us, h->first_us,
	    h->failures);
}

/* Hosts that were measured, or failed, within the hour. */
static void
add_hosts(struct buf *b, const struct hosts *hosts, int64_t now_s, const char *stamp)
{
	struct host *list = calloc(hosts->n ? hosts->n : 1, sizeof *list);
	size_t n = 0;

	for (size_t i = 0; list && i < hosts->n; i++)
		if (now_s - hosts->list[i].measured_s < HOUR)
			list[n++] = hosts->list[i];
	if (list)
		qsort(list, n, sizeof *list, measured_last);
	for (size_t i = 0; i < n && i < HISTORY_HOSTS; i++)
		add_host(b, &list[i], stamp);
	free(list);
}

/* Drop the older half of a long file. */
static void
cut_file(const struct queue *q, int fd, off_t size)
{
	const off_t half = size / 2;
	char *text = malloc((size_t)(size - half));
	struct file_replace f;
	const char *lf;

	if (text && file_read_at(fd, text, (size_t)(size - half), half) == 0 &&
	    (lf = memchr(text, '\n', (size_t)(size - half))) &&
	    file_replace_begin(&f, q->state, FILE_NAME) == 0) {
		(void)fwrite(lf + 1, 1, (size_t)(text + (size - half) - lf) - 1, f.out);
		(void)file_replace_end(&f);
	}
	free(text);
}

static int
open_file(const struct queue *q, struct stat *ret)
{
	const int fd = openat(q->state, FILE_NAME,
	    O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd >= 0 && fstat(fd, ret) == 0 && S_ISREG(ret->st_mode))
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

void
history_note(const struct queue *q, const struct hosts *hosts, int64_t now_s)
{
	char stamp[32] = "", space[TEXT_MAX];
	struct buf s = BUF(stamp), b = BUF(space);
	struct stat st;
	int fd;

	/* A time in the future is of a clock that was wrong. */
	if (q->state < 0 || (fstatat(q->state, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size && st.st_mtime / HOUR == now_s / HOUR))
		return;
	fd = queue_lease_check(q) < 0 ? -1 : open_file(q, &st);
	if (fd < 0)
		return;
	if (st.st_size >= HISTORY_OCTETS_MAX) {
		cut_file(q, fd, st.st_size);
		(void)close(fd);
		fd = open_file(q, &st);
	}
	clock_stamp(&s, now_s);
	add_counts(&b, q, buf_cstr(&s));
	add_hosts(&b, hosts, now_s, stamp);
	/* Another machine may have adopted the queue since the file was opened. */
	if (fd >= 0 && !b.full && st.st_size < HISTORY_OCTETS_MAX && queue_lease_check(q) == 0)
		(void)queue_write(fd, buf_slice(&b));
	if (fd >= 0)
		(void)close(fd);
}

/* ---- reading ---- */

/* Set the counter that a field such as "accepted=12" names; others are of a newer release. */
static bool
take_counter(struct slice field, struct history_line *l)
{
	struct slice text;
	const struct slice name = slice_cut(field, '=', &text);
	uint64_t n;

	if (!slice_uint(text, INT64_MAX, &n))
		return false;
	for (unsigned i = 0; i < COUNTED_SUMS; i++)
		if (slice_eq(name, slice_str(counted_words[i])))
			l->sums[i] = n;
	for (unsigned i = 0; i < CAUSE_COUNT; i++)
		if (slice_has_prefix(name, SL(CAUSE)) &&
		    slice_eq(slice_skip(name, sizeof CAUSE - 1), slice_str(cause_word(i))))
			l->causes[i] = n;
	return true;
}

static bool
take_word(struct slice *rest, char *to, size_t size)
{
	const struct slice word = words_next(rest);

	if (word.n == 0 || word.n >= size)
		return false;
	memcpy(to, word.p, word.n);
	to[word.n] = '\0';
	return strlen(to) == word.n && host_printable(to);
}

static bool
take_number(struct slice *rest, struct slice name, uint64_t max, uint64_t *ret)
{
	struct slice text;
	const struct slice got = slice_cut(words_next(rest), '=', &text);

	return slice_eq(got, name) && slice_uint(text, max, ret);
}

static bool
parse_host(struct slice rest, struct history_line *l)
{
	uint64_t connect, first, failures;

	l->of_host = true;
	if (!take_word(&rest, l->address, sizeof l->address) ||
	    !take_word(&rest, l->name, sizeof l->name) ||
	    !take_number(&rest, SL("connect-us"), INT64_MAX / 8, &connect) ||
	    !take_number(&rest, SL("greeting-us"), INT64_MAX / 8, &first) ||
	    !take_number(&rest, SL("failures"), HOSTS_FAILURES_MAX, &failures))
		return false;
	l->connect_us = (int64_t)connect;
	l->first_us = (int64_t)first;
	l->failures = (unsigned)failures;
	return true;
}

bool
history_parse(struct slice line, struct history_line *ret)
{
	struct slice rest = line, kind;

	*ret = (struct history_line){ 0 };
	if (!clock_stamp_parse(words_next(&rest), &ret->at_s))
		return false;
	kind = words_next(&rest);
	if (slice_eq(kind, SL("host")))
		return parse_host(rest, ret);
	if (!slice_eq(kind, SL("counts")))
		return false;
	while (slice_trim(rest).n)
		if (!take_counter(words_next(&rest), ret))
			return false;
	return true;
}

int
history_read(int state_fd, void (*each)(void *ctx, const struct history_line *line), void *ctx)
{
	struct history_line line;
	struct slice rest;
	char *text;
	size_t n;
	const int r = file_read(state_fd, FILE_NAME, HISTORY_OCTETS_MAX + TEXT_MAX, &text, &n);

	if (r < 0)
		return r;
	for (rest = slice_of(text, n); rest.n;)
		if (history_parse(slice_cut(rest, '\n', &rest), &line))
			each(ctx, &line);
	free(text);
	return 0;
}
