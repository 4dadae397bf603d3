// SPDX-License-Identifier: ISC
/*
 * The part of a notice for programs: message/delivery-status (RFC 3464), or its form in UTF-8 (RFC
 * 6533).  It has a group of fields for the message, and one for each recipient.
 */
#include "notice/bounce_parts.h"

#include "attempt/deadline.h"
#include "smtp/dsn.h"
#include "smtp/param.h"

/* Add Remote-MTA: "mx1.example" for "mx1.example[192.0.2.1]:25", or "[192.0.2.1]" without a
 * name. */
static void
add_remote(struct bounce *b, const char *host)
{
	const char *bracket = strchr(host, '['), *port = strrchr(host, ':');

	if (bracket && bracket > host)
		notice_line(&b->n, "Remote-MTA: dns; %.*s", (int)(bracket - host), host);
	else if (port)
		notice_line(&b->n, bracket ? "Remote-MTA: dns; %.*s" : "Remote-MTA: dns; [%.*s]",
		    (int)(port - host), host);
}

/* Add a reference that the sender gave to its message or recipient, decoded (RFC 3461 section
 * 6.3). */
static void
add_reference(struct bounce *b, const char *field, struct slice type, struct slice xtext)
{
	char space[NOTICE_ADDRESS_MAX];
	struct buf text = BUF(space);

	if (xtext.n == 0)
		return;
	buf_add(&text, type);
	buf_str(&text, type.n ? "; " : "");
	smtp_xtext_decode(xtext, &text);
	if (!text.full)
		notice_line(&b->n, "%s: %.*s", field, (int)text.n, text.p);
}

/* Add the peer's reply, or our own reason.  Only outcome_public() is used: the sender must not
 * learn where a mailbox lies on this machine. */
static void
add_diagnostic(struct bounce *b, const struct outcome *o)
{
	if (o->remote && o->host[0] && o->host[0] != '/')
		add_remote(b, o->host);
	if (o->detail[0] && (o->remote || o->kind != OUTCOME_DELIVERED))
		notice_line(&b->n, "Diagnostic-Code: %s; %s", o->remote ? "smtp" : "X-smtp-handler",
		    outcome_public(o));
}

static void
add_recipient(struct bounce *b, const struct bounce_rcpt *r)
{
	const struct queue_rcpt *rcpt = &b->e->rcpts[r->rcpt];
	struct slice path = rcpt->path, address, type;

	address = smtp_dsn_orcpt(rcpt->params, &type);
	notice_blank(&b->n);
	add_reference(b, "Original-Recipient", type, address);
	notice_line(&b->n, "Final-Recipient: %s; %.*s", slice_is_ascii(path) ? "rfc822" : "utf-8",
	    (int)path.n, path.p);
	notice_line(&b->n, "Action: %s", owed_kind_text(b->news->action));
	notice_line(&b->n, "Status: %s", r->outcome->status);
	add_diagnostic(b, r->outcome);
	notice_date(&b->n, "Last-Attempt-Date", b->news->now_s);
	if (b->news->action == NOTICE_DELAYED)
		notice_date(&b->n, "Will-Retry-Until", b->news->retry_until_s);
}

void
bounce_status(struct bounce *b)
{
	const struct deadline deadline = deadline_of(b->e);

	notice_part(&b->n, b->utf8 ? "message/global-delivery-status" : "message/delivery-status",
	    "Delivery report", b->utf8);
	notice_line(&b->n, "Reporting-MTA: dns; %s", b->config->server.hostname);
	add_reference(b, "Original-Envelope-Id", SL(""), smtp_dsn_envid(b->e->from_params));
	notice_date(&b->n, "Arrival-Date", b->e->arrived_us / 1000000);
	if (deadline.set)	/* RFC 2852 section 6 */
		notice_date(&b->n, "Deliver-By-Date", deadline.at_s);
	for (size_t i = 0; i < b->news->n; i++)
		add_recipient(b, &b->news->rcpts[i]);
}
