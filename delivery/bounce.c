// SPDX-License-Identifier: ISC
/*
 * A notice to the sender (RFC 3464 in RFC 6522's multipart/report): for people, for programs, and
 * the message itself or its header.  Written into the queue like any message, so that it is
 * durable before the runner marks anything.  Pure text: whatever a peer has said arrives here as
 * printable ASCII.  Called by runner/notify.
 */
#include "delivery/bounce_parts.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "smtp/params.h"

#define ORIGINAL_MAX ((size_t)50 << 10)	/* returned whole up to this, by its header above */

static const struct words {
	const char *subject, *whole, *header;
} words[BOUNCE_ACTIONS] = {
	[BOUNCE_FAILED] = { "Undelivered Mail Returned to Sender", "Undelivered message", "Undelivered message header" },
	[BOUNCE_DELAYED] = { "Delayed Mail (still being retried)", NULL, "Delayed message header" },
	[BOUNCE_DELIVERED] = { "Your mail has been delivered", NULL, "Delivered message header" },
	[BOUNCE_RELAYED] = { "Your mail has been passed on", NULL, "Relayed message header" },
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
	notice_line(&b->n, "Content-Type: multipart/report; report-type=delivery-status;");
	notice_line(&b->n, "\tboundary=\"=_%s\"", id);
	if (b->n.body_8bit)
		notice_line(&b->n, "Content-Transfer-Encoding: 8bit");
	notice_blank(&b->n);
	notice_line(&b->n, "This is a MIME-encoded message.");
}

void
bounce_part(struct bounce *b, const char *type, const char *description)
{
	notice_blank(&b->n);
	notice_line(&b->n, "--=_%s", b->n.message.id);
	notice_line(&b->n, "Content-Description: %s", description);
	notice_line(&b->n, "Content-Type: %s", type);
}

static bool
has_param(struct slice params, struct slice word)
{
	while (params.n)
		if (slice_ieq(slice_cut(params, ' ', &params), word))
			return true;
	return false;
}

/* The message as it is, if it failed, is small and DATA can carry it, unless RET=HDRS (RFC 3461 section 4.3), or
 * REQUIRETLS: its text must not go in clear (RFC 8689 section 5). */
static bool
returns_whole(const struct bounce *b)
{
	const struct queue_entry *e = b->e;

	return words[b->news->action].whole && e->content_size <= ORIGINAL_MAX && !e->facts.binary &&
	       !slice_ieq(smtp_param_value(e->from_params, SL("RET")), SL("HDRS")) &&
	       !has_param(e->from_params, SL("REQUIRETLS"));
}

static int
add_original(struct bounce *b)
{
	const struct words *names = &words[b->news->action];
	int r = 0;

	bounce_part(b, b->whole ? "message/rfc822" : "text/rfc822-headers", b->whole ? names->whole : names->header);
	if (b->n.body_8bit)
		notice_line(&b->n, "Content-Transfer-Encoding: 8bit");
	notice_blank(&b->n);
	if (b->whole)
		r = notice_copy(&b->n, b->e);
	else
		notice_raw(&b->n, b->header.text);
	notice_blank(&b->n);
	notice_line(&b->n, "--=_%s--", b->n.message.id);
	return r;
}

static bool
eight_bit_text(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 127)
			return true;
	return false;
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
	b->n.body_8bit = b->whole ? e->facts.eight_bit : eight_bit_text(b->header.text);
	notice_begin(&b->n, q, e->from);
	r = write_parts(b);
	if (r == 0)
		memcpy(ret_id, b->n.message.id, QUEUE_ID_SIZE);
	notice_done(&b->n);
	header_done(&b->header);
out:
	free(b);
	return r;
}
