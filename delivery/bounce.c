// SPDX-License-Identifier: ISC
/*
 * The notice of failure or delay (RFC 3464 in RFC 6522's multipart/report): for people, for programs, and
 * the message itself or its header.  Written into the queue like any message, so that it is
 * durable before the runner marks anything.  Pure text: whatever a peer has said arrives here as
 * printable ASCII.  Called by runner/settle.
 */
#include "delivery/bounce.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "delivery/header.h"
#include "delivery/notice.h"
#include "smtp/params.h"

#define ORIGINAL_MAX ((size_t)50 << 10)	/* returned whole up to this, by its header above */

static bool
has_word(struct slice list, char separator, struct slice word)
{
	while (list.n)
		if (slice_ieq(slice_cut(list, separator, &list), word))
			return true;
	return false;
}

static const struct words {
	const char *notify, *action, *subject, *whole, *header;
} words[] = {
	[BOUNCE_FAILED] = {
		"FAILURE", "failed", "Undelivered Mail Returned to Sender", "Undelivered message", "Undelivered message header",
	},
	[BOUNCE_DELAYED] = {
		"DELAY", "delayed", "Delayed Mail (still being retried)", "Delayed message", "Delayed message header",
	},
};

bool
bounce_wanted(const struct queue_entry *e, uint32_t rcpt, enum bounce_action action)
{
	struct slice notify = smtp_param_value(e->rcpts[rcpt].params, SL("NOTIFY"));

	return e->from.n && (!notify.p || has_word(notify, ',', slice_str(words[action].notify)));
}

struct bounce {
	struct notice n;
	const struct config *config;
	struct queue_entry *e;
	const struct bounce_news *news;
	struct header header;
};

static void
add_date(struct bounce *b, const char *name, int64_t unix_s)
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
	add_date(b, "Date", b->news->now_s);
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

static void
add_part(struct bounce *b, const char *type, const char *description)
{
	notice_blank(&b->n);
	notice_line(&b->n, "--=_%s", b->n.message.id);
	notice_line(&b->n, "Content-Description: %s", description);
	notice_line(&b->n, "Content-Type: %s", type);
}

/* "mx1.example" of "mx1.example[192.0.2.1]:25"; where there is no name, "[192.0.2.1]". */
static void
add_remote(struct bounce *b, const char *host)
{
	const char *bracket = strchr(host, '['), *port = strrchr(host, ':');

	if (bracket && bracket > host)
		notice_line(&b->n, "Remote-MTA: dns; %.*s", (int)(bracket - host), host);
	else if (port)
		notice_line(&b->n, bracket ? "Remote-MTA: dns; %.*s" : "Remote-MTA: dns; [%.*s]", (int)(port - host), host);
}

/* What happened to one recipient, as one would tell it. */
static void
explain(struct bounce *b, const struct bounce_rcpt *r)
{
	const struct outcome *o = r->outcome;
	struct slice path = b->e->rcpts[r->rcpt].path;

	notice_blank(&b->n);
	notice_line(&b->n, "<%.*s>", (int)path.n, path.p);
	if (o->remote && o->host[0])
		notice_line(&b->n, "    %s answered:", o->host);
	notice_line(&b->n, "    %s", o->detail[0] ? o->detail : "no reason was given");
	if (o->status[0])
		notice_line(&b->n, "    (status %s)", o->status);
}

static void
add_delay(struct bounce *b)
{
	notice_line(&b->n, "Your message could not be delivered to the address%s below so far.  This",
	    b->news->n == 1 ? "" : "es");
	notice_line(&b->n, "is a warning only: it is still being tried, and you need not send it again.");
	add_date(b, "Attempts end on", b->news->retry_until_s);
}

static void
add_text(struct bounce *b)
{
	bool failed = b->news->action == BOUNCE_FAILED;

	add_part(b, "text/plain; charset=us-ascii", "Notification");
	notice_blank(&b->n);
	notice_line(&b->n, "This is the mail system at %s.", b->config->server.hostname);
	notice_blank(&b->n);
	if (failed) {
		notice_line(&b->n, "Your message could not be delivered to the address%s below, and it will",
		    b->news->n == 1 ? "" : "es");
		notice_line(&b->n, "not be tried again.  Other recipients, if there were any, are not affected.");
	} else {
		add_delay(b);
	}
	for (size_t i = 0; i < b->news->n; i++)
		explain(b, &b->news->rcpts[i]);
	if (!failed)
		return;
	notice_blank(&b->n);
	notice_line(&b->n, "If the reason says that the address does not exist, check how it is spelled.");
	notice_line(&b->n, "Otherwise ask the recipient by another way, or the postmaster of the system");
	notice_line(&b->n, "that answered, and quote this notice.  Your message, or its header, is");
	notice_line(&b->n, "attached.");
}

/* What the sender gave its message and its recipients to know them by (RFC 3461 section 6.3), decoded. */
static void
add_reference(struct bounce *b, const char *field, struct slice type, struct slice xtext)
{
	char space[600];
	struct buf text = BUF(space);

	if (xtext.n == 0)
		return;
	buf_add(&text, type);
	buf_str(&text, type.n ? "; " : "");
	smtp_xtext_decode(xtext, &text);
	if (!text.full)
		notice_line(&b->n, "%s: %.*s", field, (int)text.n, text.p);
}

static void
add_status(struct bounce *b, const struct bounce_rcpt *r)
{
	const struct outcome *o = r->outcome;
	const struct queue_rcpt *rcpt = &b->e->rcpts[r->rcpt];
	struct slice path = rcpt->path, address, type;

	type = slice_cut(smtp_param_value(rcpt->params, SL("ORCPT")), ';', &address);
	notice_blank(&b->n);
	add_reference(b, "Original-Recipient", type, address);
	notice_line(&b->n, "Final-Recipient: rfc822; %.*s", (int)path.n, path.p);
	notice_line(&b->n, "Action: %s", words[b->news->action].action);
	notice_line(&b->n, "Status: %s", o->status);
	if (o->remote)
		add_remote(b, o->host);
	if (o->detail[0])
		notice_line(&b->n, "Diagnostic-Code: %s; %s", o->remote ? "smtp" : "X-smtp-handler", o->detail);
	add_date(b, "Last-Attempt-Date", b->news->now_s);
	if (b->news->action == BOUNCE_DELAYED)
		add_date(b, "Will-Retry-Until", b->news->retry_until_s);
}

static void
add_report(struct bounce *b)
{
	add_part(b, "message/delivery-status", "Delivery report");
	notice_blank(&b->n);
	notice_line(&b->n, "Reporting-MTA: dns; %s", b->config->server.hostname);
	add_reference(b, "Original-Envelope-Id", SL(""), smtp_param_value(b->e->from_params, SL("ENVID")));
	add_date(b, "Arrival-Date", b->e->arrived_us / 1000000);
	for (size_t i = 0; i < b->news->n; i++)
		add_status(b, &b->news->rcpts[i]);
}

/* The message as it is, if it failed, is small and DATA can carry it, unless RET=HDRS (RFC 3461 section 4.3), or
 * REQUIRETLS: its text must not go in clear (RFC 8689 section 5). */
static bool
returns_all(const struct bounce *b)
{
	const struct queue_entry *e = b->e;

	return b->news->action == BOUNCE_FAILED && e->content_size <= ORIGINAL_MAX && !e->facts.binary && !slice_ieq(smtp_param_value(e->from_params, SL("RET")), SL("HDRS")) &&
	       !has_word(e->from_params, ' ', SL("REQUIRETLS"));
}

static int
add_original(struct bounce *b)
{
	bool all = returns_all(b);
	const struct words *names = &words[b->news->action];
	int r = 0;

	add_part(b, all ? "message/rfc822" : "text/rfc822-headers", all ? names->whole : names->header);
	if (b->n.body_8bit)
		notice_line(&b->n, "Content-Transfer-Encoding: 8bit");
	notice_blank(&b->n);
	if (all)
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
	r = header_read(e, ORIGINAL_MAX, &b->header);
	if (r < 0)
		goto out;
	b->n.body_8bit = returns_all(b) ? e->facts.eight_bit : eight_bit_text(b->header.text);
	notice_begin(&b->n, q, e->from);
	add_head(b);
	add_text(b);
	add_report(b);
	r = add_original(b);
	if (r == 0)
		r = notice_commit(&b->n);
	if (r == 0)
		memcpy(ret_id, b->n.message.id, QUEUE_ID_SIZE);
	notice_done(&b->n);
	header_done(&b->header);
out:
	free(b);
	return r;
}
