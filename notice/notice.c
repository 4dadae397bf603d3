// SPDX-License-Identifier: ISC
/*
 * Writing a message of our own into the queue.  Must not know what it says: notice/bounce does.
 */
#include "notice/notice.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/utf8.h"

void
notice_begin(struct notice *n, const struct queue *q, const struct notice_envelope *envelope)
{
	char space[32];
	struct buf params = BUF(space);

	if (envelope->utf8)
		buf_str(&params, "SMTPUTF8");
	if (envelope->requiretls)
		buf_str(&params, params.n ? " REQUIRETLS" : "REQUIRETLS");
	n->queue = q;
	n->utf8 = envelope->utf8;
	n->facts = (struct queue_facts){ .no_final_crlf = true, .utf8_header = envelope->utf8 };
	n->line = 0;
	n->cr = false;
	queue_begin(&n->message);
	queue_field(&n->message, "client", SL("local"));
	queue_field(&n->message, "protocol", SL("bounce"));
	queue_from(&n->message, SL(""), buf_slice(&params));
	queue_rcpt(q, &n->message, envelope->to, SL("NOTIFY=NEVER"));
	n->error = queue_head_end(q, &n->message);
}

static void
note_octet(struct notice *n, char c)
{
	struct queue_facts *f = &n->facts;

	if (n->line == 0 && c == '.')
		f->dot_line = true;
	if ((unsigned char)c > 127)
		f->eight_bit = true;
	if (c == '\0' || (c == '\n') != n->cr)
		f->binary = true;
	f->no_final_crlf = !(c == '\n' && n->cr);
	n->cr = c == '\r';
	if (c == '\n')
		n->line = 0;
	else if (c != '\r' && ++n->line > f->longest_line)
		f->longest_line = n->line;
}

void
notice_raw(struct notice *n, struct slice octets)
{
	if (n->error < 0)
		return;
	for (size_t i = 0; i < octets.n; i++)
		note_octet(n, octets.p[i]);
	n->error = queue_content(&n->message, octets);
}

/* Octets from here on that may stand in a line; 0: the next one may not. */
static size_t
good_octets(const struct notice *n, struct slice s)
{
	if (s.p[0] == '\t' || (s.p[0] >= ' ' && s.p[0] <= '~'))
		return 1;
	return n->utf8 ? utf8_printable(s) : 0;
}

void
notice_line(struct notice *n, const char *format, ...)
{
	char line[1000];
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(line, sizeof line - 2, format, ap);
	va_end(ap);
	if (len < 0)
		len = 0;
	if (len > (int)sizeof line - 3)
		len = (int)sizeof line - 3;
	for (size_t i = 0, good; i < (size_t)len; i += good) {
		good = good_octets(n, slice_of(line + i, (size_t)len - i));
		if (good == 0) {
			line[i] = '?';
			good = 1;
		}
	}
	line[len] = '\r';
	line[len + 1] = '\n';
	notice_raw(n, slice_of(line, (size_t)len + 2));
}

void
notice_blank(struct notice *n)
{
	notice_raw(n, SL("\r\n"));
}

int
notice_copy(struct notice *n, const struct queue_entry *e)
{
	char block[16384];
	uint64_t at = 0;

	while (at < e->content_size) {
		uint64_t rest = e->content_size - at;
		ssize_t got = pread(e->fd, block, rest < sizeof block ? (size_t)rest : sizeof block,
		    (off_t)(e->content_at + at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -EIO;
		notice_raw(n, slice_of(block, (size_t)got));
		at += (uint64_t)got;
	}
	return n->error;
}

int
notice_commit(struct notice *n)
{
	if (n->error == 0)
		n->error = queue_commit(n->queue, &n->message, &n->facts);
	return n->error;
}

void
notice_done(struct notice *n)
{
	queue_abort(n->queue, &n->message);
}
