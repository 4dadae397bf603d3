// SPDX-License-Identifier: ISC
/*
 * A file is read through one buffer of fixed size.  The caller knows the meaning of its lines.
 */
#include "session/list.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define LIST_BUFFER 16384

struct scan {
	enum list_kind kind;
	list_match *match;
	const void *ctx;
	bool skipping;		/* inside a line that is too long */
	size_t n;		/* octets in space */
	char space[LIST_BUFFER];
};

/* The name that a line of an aliases file defines; empty if it defines none. */
static struct slice
name_of(struct slice line)
{
	bool quoted = false;

	if (line.n && ascii_blank(line.p[0]))
		return slice_of(line.p, 0);
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '"')
			quoted = !quoted;
		else if (quoted && line.p[i] == '\\')
			i++;
		else if (!quoted && line.p[i] == ':')
			return slice_of(line.p, i);
	}
	return slice_of(line.p, 0);
}

static bool
line_matches(const struct scan *s, struct slice line)
{
	struct slice comment;

	if (s->kind == LIST_NAMES)
		line = name_of(line);

	/* A '#' begins a comment at the start of a line or behind a blank.  Elsewhere it is an
	 * octet of a local part. */
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '#' && (i == 0 || ascii_blank(line.p[i - 1]))) {
			line.n = i;
			break;
		}
	/* Files from elsewhere end their lines in CRLF. */
	line = slice_trim(slice_cut(line, '\r', &comment));
	return line.n && s->match(s->ctx, line);
}

/* Look at the whole lines in the buffer.  The rest moves to the start of the buffer. */
static bool
scan_lines(struct scan *s)
{
	struct slice rest = slice_of(s->space, s->n);
	const char *lf;
	bool found = false;

	while (rest.n && (lf = memchr(rest.p, '\n', rest.n)) != NULL) {
		const struct slice line = slice_of(rest.p, (size_t)(lf - rest.p));

		if (!s->skipping && (line.n <= LIST_LINE_MAX || s->kind == LIST_NAMES) &&
		    line_matches(s, line))
			return true;
		s->skipping = false;
		rest = slice_skip(rest, line.n + 1);
	}
	if (rest.n > LIST_LINE_MAX) {	/* the line of a name may be of any length */
		found = s->kind == LIST_NAMES && !s->skipping && line_matches(s, rest);
		s->skipping = true;
		rest.n = 0;
	}
	if (rest.n)
		memmove(s->space, rest.p, rest.n);
	s->n = rest.n;
	return found;
}

int
list_find_fd(int fd, enum list_kind kind, size_t step, list_match *match, const void *ctx)
{
	static struct scan s;	/* large for a stack */

	s.kind = kind;
	s.match = match;
	s.ctx = ctx;
	s.skipping = false;
	s.n = 0;
	for (;;) {
		const size_t room = sizeof s.space - s.n;
		const ssize_t got = read(fd, s.space + s.n, step < room ? step : room);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)	/* the last line may lack its LF */
			return s.n && !s.skipping && line_matches(&s, slice_of(s.space, s.n));
		s.n += (size_t)got;
		if (scan_lines(&s))
			return 1;
	}
}

static int
find_in_file(const char *file, enum list_kind kind, list_match *match, const void *ctx)
{
	/* Non-blocking, as a FIFO must not stop the session. */
	const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = list_find_fd(fd, kind, LIST_BUFFER, match, ctx);
	(void)close(fd);
	return r;
}

int
list_find(const char *file, list_match *match, const void *ctx)
{
	return find_in_file(file, LIST_LINES, match, ctx);
}

int
list_find_name(const char *file, list_match *match, const void *ctx)
{
	return find_in_file(file, LIST_NAMES, match, ctx);
}
