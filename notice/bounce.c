// SPDX-License-Identifier: ISC
/*
 * A notice to the sender (RFC 3464 in RFC 6522's multipart/report): for people, for programs, and
 * the message itself or its header.  Written into the queue like any message, so that it is
 * durable before the runner marks anything.  In UTF-8 (RFC 6533) only where the
 * sender has used SMTPUTF8 and there is something to say in it.  Called by runner/notify.
 */
#include "notice/bounce_parts.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "smtp/params.h"

#define ORIGINAL_MAX ((size_t)50 << 10)	/* returned whole up to this, by its header above */

static const struct words {
	const char *subject, *whole, *header;
} words[NOTICE_KINDS] = {
	[NOTICE_FAILED] = { "Undelivered Mail Returned to Sender", "Undelivered message", "Undelivered message header" },
	[NOTICE_DELAYED] = { "Delayed Mail (still being retried)", NULL, "Delayed message header" },
	[NOTICE_DELIVERED] = { "Your mail has been delivered", NULL, "Delivered message header" },
	[NOTICE_RELAYED] = { "Your mail has been passed on", NULL, "Relayed message header" },
	[NOTICE_EXPANDED] = { "Your mail has been passed on", NULL, "Expanded message header" },
};

void
bounce_date(struct bounce *b, const char *name, int64_t unix_s)
{
	char space[64];
	struct buf date = BUF(space);

	clock_mail_date(&date, unix_s);
	notice_line(&b->n, "%s: %.*s", name, (int)date.n, date.p);
}

static void
add_head(struct bounce *b)
{
	const char *host = b->config->server.hostname, *id = b->n.message.id;
	struct slice to = b->e->from;

	notice_line(&b->n, "From: Mail Delivery System <MAILER-DAEMON@%s>", host);
	notice_line(&b->n, "To: <%.*s>", (int)to.n, to.p);
	notice_line(&b->n, "Subject: %s", words[b->news->action].subject);
	bounce_date(b, "Date", b->news->now_s);
	notice_line(&b->n, "Message-ID: <%s@%s>", id, host);
	notice_line(&b->n, "Auto-Submitted: auto-replied");	/* RFC 3834 section 5 */
	notice_line(&b->n, "MIME-Version: 1.0");
	notice_line(&b->n, "Content-Type: multipart/report; report-type=%sdelivery-status;", b->utf8 ? "global-" : "");
	notice_line(&b->n, "\tboundary=\"=_%s\"", id);
	if (b->utf8 || b->original_8bit)
		notice_line(&b->n, "Content-Transfer-Encoding: 8bit");
	notice_blank(&b->n);
	notice_line(&b->n, "This is a MIME-encoded message.");
}

void
bounce_part(struct bounce *b, const char *type, const char *description, bool eight_bit)
{
	notice_blank(&b->n);
	notice_line(&b->n, "--=_%s", b->n.message.id);
	notice_line(&b->n, "Content-Description: %s", description);
	notice_line(&b->n, "Content-Type: %s", type);
	if (eight_bit)
		notice_line(&b->n, "Content-Transfer-Encoding: 8bit");
	notice_blank(&b->n);
}

/* The message as it is, if it failed, is small and DATA can carry it, unless RET=HDRS (RFC 3461 section 4.3), or
 * REQUIRETLS: its text must not go in clear (RFC 8689 section 5). */
static bool
returns_whole(const struct bounce *b)
{
	const struct queue_entry *e = b->e;

	return words[b->news->action].whole && e->content_size <= ORIGINAL_MAX && !e->facts.binary &&
	       !slice_ieq(smtp_param_value(e->from_params, SL("RET")), SL("HDRS")) &&
	       !smtp_param_has(e->from_params, SL("REQUIRETLS"));
}

static int
add_original(struct bounce *b)
{
	static const char *const types[2][2] = {	/* [utf8][whole] */
		{ "text/rfc822-headers", "message/rfc822" },
		{ "message/global-headers", "message/global" },
	};
	const struct words *names = &words[b->news->action];
	int r = 0;

	bounce_part(b, types[b->utf8][b->whole], b->whole ? names->whole : names->header, b->original_8bit);
	if (b->whole)
		r = notice_copy(&b->n, b->e);
	else
		notice_raw(&b->n, b->header.text);
	notice_blank(&b->n);
	notice_line(&b->n, "--=_%s--", b->n.message.id);
	return r;
}

/* Who sent it with SMTPUTF8 can read the forms of RFC 6533; where they would say no more than the others, those are read by
 * more programs. */
static bool
needs_utf8(const struct bounce *b)
{
	const struct queue_entry *e = b->e;
	bool found = !slice_is_ascii(e->from) || !slice_is_ascii(b->header.text);

	if (!smtp_param_has(e->from_params, SL("SMTPUTF8")))
		return false;
	for (size_t i = 0; i < b->news->n && !found; i++) {
		const struct queue_rcpt *rcpt = &e->rcpts[b->news->rcpts[i].rcpt];

		found = !slice_is_ascii(rcpt->path) || !slice_is_ascii(rcpt->params);
	}
	return found;
}

static int
write_parts(struct bounce *b)
{
	int r;

	add_head(b);
	bounce_text(b);
	bounce_status(b);
	r = add_original(b);
	return r == 0 ? notice_commit(&b->n) : r;
}

int
bounce_send(const struct queue *q, const struct config *c, struct queue_entry *e, const struct bounce_news *news,
    char ret_id[QUEUE_ID_SIZE])
{
	struct bounce *b = calloc(1, sizeof *b);
	struct notice_envelope envelope = { .to = e->from };
	int r;

	if (!b)
		return -ENOMEM;
	b->config = c;
	b->e = e;
	b->news = news;
	b->whole = returns_whole(b);
	r = header_read(e, ORIGINAL_MAX, &b->header);
	if (r < 0)
		goto out;
	b->original_8bit = b->whole ? e->facts.eight_bit : !slice_is_ascii(b->header.text);
	b->utf8 = needs_utf8(b);
	envelope.utf8 = b->utf8;
	envelope.requiretls = smtp_param_has(e->from_params, SL("REQUIRETLS"));
	notice_begin(&b->n, q, &envelope);
	r = write_parts(b);
	if (r == 0)
		memcpy(ret_id, b->n.message.id, QUEUE_ID_SIZE);
	notice_done(&b->n);
	header_done(&b->header);
out:
	free(b);
	return r;
}
