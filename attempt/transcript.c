// SPDX-License-Identifier: ISC
/*
 * The lines of one attempt, in memory: the first and the last ones, however much a peer sends in
 * between.  Nothing here may decide anything.
 */
#include "attempt/transcript.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/clock.h"

void
transcript_begin(struct transcript *t)
{
	if (!t)
		return;
	t->begun_us = clock_us();
	t->head_n = t->tail_n = 0;
	t->dropped = 0;
}

/* Drop the oldest lines of the tail.  Half of it goes at once, so that a long session costs
 * little. */
static void
drop_lines(struct transcript *t)
{
	size_t gone = 0;

	while (gone < t->tail_n && gone < TRANSCRIPT_TAIL / 2) {
		const char *end = memchr(t->tail + gone, '\n', t->tail_n - gone);

		if (!end)
			break;
		gone = (size_t)(end - t->tail) + 1;
		t->dropped++;
	}
	t->tail_n -= gone;
	memmove(t->tail, t->tail + gone, t->tail_n);
}

static void
add_line(struct transcript *t, struct slice line)
{
	if (t->tail_n == 0 && t->dropped == 0 && line.n <= TRANSCRIPT_HEAD - t->head_n) {
		memcpy(t->head + t->head_n, line.p, line.n);
		t->head_n += line.n;
		return;
	}
	if (line.n > TRANSCRIPT_TAIL - t->tail_n)
		drop_lines(t);
	memcpy(t->tail + t->tail_n, line.p, line.n);
	t->tail_n += line.n;
}

/* Add a line "|     12 ms < 250 ok".  The bar separates it from results in the log, which begin
 * with a path. */
static void
record_line(struct transcript *t, char direction, struct slice text)
{
	char space[TRANSCRIPT_LINE + 48];
	struct buf line = BUF(space);
	const int64_t ms = (clock_us() - t->begun_us) / 1000;

	while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	buf_fmt(&line, "| %6" PRId64 " ms %c ", ms, direction);
	for (size_t i = 0; i < text.n && i < TRANSCRIPT_LINE; i++)
		buf_chr(&line,
		    (unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f ? '?' : text.p[i]);
	if (text.n > TRANSCRIPT_LINE)
		buf_str(&line, "...");
	buf_chr(&line, '\n');
	add_line(t, buf_slice(&line));
}

void
transcript_sent(struct transcript *t, struct slice line)
{
	if (t)
		record_line(t, '>', line);
}

void
transcript_received(struct transcript *t, struct slice line)
{
	if (t)
		record_line(t, '<', line);
}

void
transcript_fact(struct transcript *t, const char *format, ...)
{
	char text[TRANSCRIPT_LINE];
	va_list ap;
	int n;

	if (!t)
		return;
	va_start(ap, format);
	n = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (n > 0)
		record_line(t, '*',
		    slice_of(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
}

int
transcript_write(const struct transcript *t, struct queue_entry *e)
{
	char space[TRANSCRIPT_HEAD + TRANSCRIPT_TAIL + 64];
	struct buf b = BUF(space);

	if (!t || t->head_n == 0)
		return 0;
	buf_add(&b, slice_of(t->head, t->head_n));
	if (t->dropped)
		buf_fmt(&b, "| (%u lines left out)\n", t->dropped);
	buf_add(&b, slice_of(t->tail, t->tail_n));
	return queue_note_lines(e, buf_slice(&b));
}

/* The part of a log line that belongs to a transcript: all after "STAMP | ".  Empty for other
 * lines. */
static struct slice
recorded_part(struct slice line)
{
	struct slice rest;

	(void)slice_cut(line, ' ', &rest);
	return slice_has_prefix(rest, SL("| ")) ? slice_skip(rest, 2) : slice_of(NULL, 0);
}

static bool
mentions_host(struct slice line, struct slice host)
{
	return host.n == 0 || memmem(line.p, line.n, host.p, host.n) != NULL;
}

void
transcript_quote(struct slice log, struct slice host, unsigned max,
    void (*line)(void *ctx, struct slice line), void *ctx)
{
	struct slice block = log, found = slice_of(NULL, 0), rest = log, one;
	unsigned lines = 0, found_lines = 0;
	bool in_block = false, wanted = false;

	while (rest.n) {
		const char *at = rest.p;

		one = recorded_part(slice_cut(rest, '\n', &rest));
		if (one.n == 0) {
			in_block = false;
			continue;
		}
		if (!in_block) {
			block.p = at;
			lines = 0;
			wanted = false;
		}
		in_block = true;
		lines++;
		wanted |= mentions_host(one, host);
		if (wanted) {
			const char *end = rest.n ? rest.p : log.p + log.n;

			found = slice_of(block.p, (size_t)(end - block.p));
			found_lines = lines;
		}
	}
	for (; found.n; found_lines--) {
		one = recorded_part(slice_cut(found, '\n', &found));
		if (found_lines <= max)
			line(ctx, one);
	}
}
