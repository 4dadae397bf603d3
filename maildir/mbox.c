// SPDX-License-Identifier: ISC
/*
 * Converts a message to the form of mailboxes: CRLF becomes LF, older Return-Path fields are
 * removed, our Return-Path and Delivered-To come first.  All other octets stay.
 */
#include "maildir/mbox.h"

#include <errno.h>
#include <unistd.h>

#include "base/idn.h"
#include "base/text.h"

#define HEADER_MAX ((size_t)256 << 10)	/* fields behind these octets stay as they are */
#define BLOCK      32768

/* Writes blocks, and converts CRLF to LF. */
struct writer {
	int fd, error;
	bool terminal;
	bool cr;		/* the last octet was a CR, which is not written yet */
	struct buf out;
	char space[BLOCK];
};

/* last: no octets follow. */
static void
flush(struct writer *w, bool last)
{
	const size_t kept = w->terminal ? text_clean(w->out.p, w->out.n, last) : 0;
	const size_t end = w->out.n - kept;
	size_t at = 0;

	while (w->error == 0 && at < end) {
		ssize_t n = write(w->fd, w->out.p + at, end - at);

		if (n > 0)
			at += (size_t)n;
		else if (n == 0 || errno != EINTR)
			w->error = n == 0 ? -EIO : -errno;
	}
	memmove(w->out.p, w->out.p + end, kept);
	w->out.n = kept;
}

static void
put_octet(struct writer *w, char c)
{
	if (w->out.n == w->out.cap)
		flush(w, false);
	w->out.p[w->out.n++] = c;
}

static void
put(struct writer *w, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (w->cr && c != '\n')
			put_octet(w, '\r');
		w->cr = c == '\r';
		if (!w->cr)
			put_octet(w, c);
	}
}

static void
put_path_field(struct writer *w, struct slice name, struct slice path, bool brackets)
{
	put(w, name);
	put(w, brackets ? SL(": <") : SL(": "));
	put(w, path);
	put(w, brackets ? SL(">\n") : SL("\n"));
}

static void
put_fields(struct writer *w, struct slice fields)
{
	struct field f;

	while (field_next(&fields, FIELD_TO_EMPTY_LINE, &f))
		if (!field_is(&f, SL("Return-Path")))
			put(w, f.octets);
}

/* Put the content from octet `at` on.  0 or -errno. */
static int
put_rest(struct writer *w, const struct queue_entry *e, uint64_t at)
{
	char block[BLOCK];
	ssize_t n = 1;

	for (; n > 0 && w->error == 0; at += (uint64_t)n) {
		n = queue_read(e, at, block, sizeof block);
		if (n < 0)
			return (int)n;
		put(w, slice_of(block, (size_t)n));
	}
	return 0;
}

int
mbox_write(int fd, const struct queue_entry *e, struct slice address, bool terminal)
{
	struct writer w = { .fd = fd, .terminal = terminal, .out = BUF(w.space) };
	struct header h;
	int r = header_read(e, HEADER_MAX, &h);

	if (r < 0)
		return r;
	put_path_field(&w, SL("Return-Path"), e->from, true);
	if (address.n)
		put_path_field(&w, SL("Delivered-To"), address, false);
	put_fields(&w, h.text);
	r = put_rest(&w, e, h.text.n);
	header_done(&h);
	if (w.cr)
		put_octet(&w, '\r');
	flush(&w, true);
	return r < 0 ? r : w.error;
}

int
mbox_loops(const struct queue_entry *e, struct slice address)
{
	struct header h;
	struct slice rest;
	struct field f;
	int r = header_read(e, HEADER_MAX, &h);

	if (r < 0)
		return r;
	for (rest = h.text; r == 0 && field_next(&rest, FIELD_TO_EMPTY_LINE, &f);)
		r = field_is(&f, SL("Delivered-To")) && idn_same_address(field_value(&f), address);
	header_done(&h);
	return r;
}
