// SPDX-License-Identifier: ISC
/*
 * The text is held in a file without a name, in the folder for temporary files.  If that folder
 * cannot be written to, it is held in memory.
 */
#include "tools/sendmail/letter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

/* The state behind the last octet: a line that is a dot alone may be cut at any place. */
struct dot {
	bool wanted, found;
	enum { LINE_START, LINE_DOT, LINE_CR, LINE_INSIDE } state;
};

static int
open_store(void)
{
	const char *folder = getenv("TMPDIR");
	int fd = open(folder && folder[0] == '/' ? folder : "/tmp",
	    O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = memfd_create("message", MFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The octets up to the line that is a dot alone, or all of them. */
static size_t
up_to_dot(struct dot *d, struct slice octets)
{
	for (size_t i = 0; i < octets.n; i++) {
		const char c = octets.p[i];

		if (c == '\n' && (d->state == LINE_DOT || d->state == LINE_CR)) {
			d->found = true;
			return i + 1;
		}
		if (c == '\n')
			d->state = LINE_START;
		else if (c == '.' && d->state == LINE_START)
			d->state = LINE_DOT;
		else if (c == '\r' && d->state == LINE_DOT)
			d->state = LINE_CR;
		else
			d->state = LINE_INSIDE;
	}
	return octets.n;
}

static int
write_all(int fd, struct slice octets)
{
	while (octets.n) {
		const ssize_t n = write(fd, octets.p, octets.n);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			octets = slice_skip(octets, (size_t)n);
	}
	return 0;
}

static int
copy(int from, int to, struct dot *d)
{
	char space[CHUNK];

	while (!d->found) {
		const ssize_t n = read(from, space, sizeof space);
		struct slice octets = slice_of(space, n > 0 ? (size_t)n : 0);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (d->wanted)
			octets.n = up_to_dot(d, octets);
		r = write_all(to, octets);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The dot and its line end are no part of the text; at the end of input the line end may be
 * missing. */
static size_t
without_dot(const struct dot *d, struct slice text)
{
	size_t n = text.n;

	if (!d->wanted || (!d->found && d->state != LINE_DOT && d->state != LINE_CR))
		return n;
	while (n && text.p[n - 1] != '.')
		n--;
	return n ? n - 1 : 0;
}

static int
map(int fd, struct slice *ret)
{
	struct stat st;
	void *p;

	*ret = SL("");
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size == 0)
		return 0;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*ret = slice_of(p, (size_t)st.st_size);
	return 0;
}

void
letter_of(struct letter *l, struct slice text)
{
	struct slice rest = text;
	struct field f;

	l->text = text;
	while (field_next(&rest, FIELD_TO_BROKEN_LINE, &f))
		;
	l->header = slice_of(text.p, text.n - rest.n);
	l->body = rest;
	l->eight_bit = !slice_is_ascii(text);
}

int
letter_read(struct letter *l, int fd, bool to_dot)
{
	struct dot dot = { .wanted = to_dot };
	const int store = open_store();
	struct slice text = SL("");
	int r;

	memset(l, 0, sizeof *l);
	if (store < 0)
		return store;
	r = copy(fd, store, &dot);
	if (r == 0)
		r = map(store, &text);
	(void)close(store);
	if (r < 0)
		return r;
	letter_of(l, slice_of(text.p, without_dot(&dot, text)));
	l->text = text;		/* the whole map */
	return 0;
}

void
letter_done(struct letter *l)
{
	if (l->text.n)
		(void)munmap((void *)(uintptr_t)l->text.p, l->text.n);
	memset(l, 0, sizeof *l);
}

bool
letter_has(const struct letter *l, struct slice name)
{
	struct slice rest = l->header;
	struct field f;

	while (field_next(&rest, FIELD_TO_BROKEN_LINE, &f))
		if (field_is(&f, name))
			return true;
	return false;
}

bool
letter_hides(const struct field *f)
{
	return field_is(f, SL("Bcc")) || field_is(f, SL("Resent-Bcc"));
}
