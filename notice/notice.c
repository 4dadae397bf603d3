// SPDX-License-Identifier: ISC
/*
 * Writing a message of our own to the queue.  The subject of the message must not matter here.
 */
#include "notice/notice.h"

#include <stdarg.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "smtp/dsn.h"
#include "smtp/extension.h"

void
notice_begin(struct notice *n, const struct queue *q, const struct notice_envelope *envelope)
{
	char space[32];
	struct buf params = BUF(space);

	if (envelope->utf8)
		smtp_extension_ask(&params, SMTP_EXT_SMTPUTF8);
	if (envelope->requiretls)
		smtp_extension_ask(&params, SMTP_EXT_REQUIRETLS);
	n->queue = q;
	n->utf8 = envelope->utf8;
	facts_begin(&n->facts);
	queue_begin(&n->message);
	queue_field(&n->message, "client", SL("local"));
	queue_field(&n->message, "protocol", slice_str(envelope->protocol ?
	    envelope->protocol : "bounce"));
	queue_standing(&n->message, STANDING_TRUSTED, SL(""));
	queue_from(&n->message, envelope->from, buf_slice(&params));
	queue_rcpt(q, &n->message, envelope->to, SL(SMTP_DSN_NO_NOTICE));
	n->error = queue_head_end(q, &n->message, 0);
}

void
notice_raw(struct notice *n, struct slice octets)
{
	if (n->error < 0)
		return;
	facts_content(&n->facts, octets);
	n->error = queue_content(&n->message, octets);
}

/* The number of octets of the next character, if it may stand in a line; else 0. */
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
	if (len > (int)sizeof line - 3) {
		len = (int)sizeof line - 3;
		memset(line + len - 3, '.', 3);
	}
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

void
notice_date(struct notice *n, const char *name, int64_t unix_s)
{
	char space[64];
	struct buf date = BUF(space);

	clock_mail_date(&date, unix_s);
	notice_line(n, "%s: %.*s", name, (int)date.n, date.p);
}

void
notice_part(struct notice *n, const char *type, const char *description, bool eight_bit)
{
	notice_blank(n);
	notice_line(n, "--=_%s", n->message.id);
	notice_line(n, "Content-Description: %s", description);
	notice_line(n, "Content-Type: %s", type);
	if (eight_bit)
		notice_line(n, "Content-Transfer-Encoding: 8bit");
	notice_blank(n);
}

void
notice_last_part(struct notice *n)
{
	notice_blank(n);
	notice_line(n, "--=_%s--", n->message.id);
}

int
notice_copy(struct notice *n, const struct queue_entry *e)
{
	char block[16384];
	uint64_t at = 0;
	ssize_t got;

	while ((got = queue_read(e, at, block, sizeof block)) > 0) {
		notice_raw(n, slice_of(block, (size_t)got));
		at += (uint64_t)got;
	}
	return got < 0 ? (int)got : n->error;
}

int
notice_commit(struct notice *n)
{
	const struct facts *f = &n->facts;
	struct queue_facts facts;

	if (n->error < 0)
		return n->error;
	facts_end(&n->facts);
	facts = (struct queue_facts){
		.eight_bit = f->eight_bit,
		.utf8_header = n->utf8,
		.dot_line = f->dot_line,
		.binary = facts_binary(f),
		.no_final_crlf = !f->line_start,
		.longest_line = f->longest_line,
	};
	n->error = queue_commit(n->queue, &n->message, &facts);
	return n->error;
}

void
notice_done(struct notice *n)
{
	queue_abort(n->queue, &n->message);
}
