// SPDX-License-Identifier: ISC
/*
 * From the queue's form to that of mailboxes: CRLF becomes LF, older Return-Path fields go, ours and
 * Delivered-To come first.  The rest stays octet for octet.  Called by delivery/maildir and
 * delivery/print.
 */
#include "delivery/mbox.h"

#include <errno.h>
#include <unistd.h>

#define HEADER_MAX ((size_t)256 << 10)	/* fields behind that are left as they are */
#define BLOCK      32768

/* Output in blocks, CRLF folded into LF on the way. */
struct writer {
	int fd, error;
	bool cr;		/* the last octet was a CR, and is held back */
	struct buf out;
	char space[BLOCK];
};

static void
flush(struct writer *w)
{
	size_t at = 0;

	while (w->error == 0 && at < w->out.n) {
		ssize_t n = write(w->fd, w->out.p + at, w->out.n - at);

		if (n > 0)
			at += (size_t)n;
		else if (n == 0 || errno != EINTR)
			w->error = n == 0 ? -EIO : -errno;
	}
	w->out.n = 0;
}

static void
put_octet(struct writer *w, char c)
{
	if (w->out.n == w->out.cap)
		flush(w);
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

static int
put_from(struct writer *w, const struct queue_entry *e, uint64_t at)
{
	char block[BLOCK];

	while (at < e->content_size && w->error == 0) {
		uint64_t rest = e->content_size - at;
		ssize_t n = pread(e->fd, block, rest < BLOCK ? (size_t)rest : BLOCK, (off_t)(e->content_at + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		put(w, slice_of(block, (size_t)n));
		at += (uint64_t)n;
	}
	return 0;
}

int
mbox_write(int fd, const struct queue_entry *e, struct slice address)
{
	struct writer w = { .fd = fd, .out = BUF(w.space) };
	struct header h;
	int r = header_read(e, HEADER_MAX, &h);

	if (r < 0)
		return r;
	put_path_field(&w, SL("Return-Path"), e->from, true);
	if (address.n)
		put_path_field(&w, SL("Delivered-To"), address, false);
	put_fields(&w, h.text);
	r = put_from(&w, e, h.text.n);
	header_done(&h);
	if (w.cr)
		put_octet(&w, '\r');
	flush(&w);
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
		r = field_is(&f, SL("Delivered-To")) && slice_ieq(field_value(&f), address);
	header_done(&h);
	return r;
}
