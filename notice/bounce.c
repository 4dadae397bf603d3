// SPDX-License-Identifier: ISC
/*
 * A notice to the sender: a multipart/report (RFC 6522).  It has a part for people, a part for
 * programs (RFC 3464), and the message or its header section.  It is written to the queue like any
 * message, so it is durable before a recipient is marked.  It uses UTF-8 (RFC 6533) only if the
 * sender used SMTPUTF8 and the notice needs it.
 */
#include "notice/bounce.h"

#include <errno.h>
#include <stdlib.h>

#include "attempt/transcript.h"
#include "base/idn.h"
#include "notice/bounce_parts.h"
#include "smtp/dsn.h"
#include "smtp/extension.h"
#include "smtp/param.h"

#define QUOTES_MAX   3		/* sessions that a notice quotes */
#define QUOTE_LINES  12
#define ORIGINAL_MAX ((size_t)50 << 10)	/* a longer message is returned as its header section */

static void begin_failed(struct bounce *b);
static void begin_delayed(struct bounce *b);
static void begin_delivered(struct bounce *b);
static void begin_relayed(struct bounce *b);
static void begin_expanded(struct bounce *b);

static const struct words {
	const char *subject;
	const char *whole, *header;	/* descriptions of the last part; whole may be NULL */
	void (*begin)(struct bounce *b);
	const char *nothing;		/* if the outcome has no words */
} words[NOTICE_KINDS] = {
	[NOTICE_FAILED] = {
		.subject = "Undelivered Mail Returned to Sender",
		.whole = "Undelivered message",
		.header = "Undelivered message header",
		.begin = begin_failed,
		.nothing = "no reason was given",
	},
	[NOTICE_DELAYED] = {
		.subject = "Delayed Mail (still being retried)",
		.header = "Delayed message header",
		.begin = begin_delayed,
		.nothing = "no reason was given",
	},
	[NOTICE_DELIVERED] = {
		.subject = "Your mail has been delivered",
		.header = "Delivered message header",
		.begin = begin_delivered,
		.nothing = "delivered",
	},
	[NOTICE_RELAYED] = {
		.subject = "Your mail has been passed on",
		.header = "Relayed message header",
		.begin = begin_relayed,
		.nothing = "handed to the next server",
	},
	[NOTICE_EXPANDED] = {
		.subject = "Your mail has been passed on",
		.header = "Expanded message header",
		.begin = begin_expanded,
		.nothing = "sent on to its addresses",
	},
};

static void
add_head(struct bounce *b)
{
	const char *host = b->config->server.hostname, *id = b->n.message.id;
	struct slice to = b->e->from;

	notice_line(&b->n, "From: Mail Delivery System <MAILER-DAEMON@%s>", host);
	if (to.n <= NOTICE_ADDRESS_MAX)
		notice_line(&b->n, "To: <%.*s>", (int)to.n, to.p);
	else
		notice_line(&b->n, "To: undisclosed-recipients:;");
	notice_line(&b->n, "Subject: %s", words[b->news->action].subject);
	notice_date(&b->n, "Date", b->news->now_s);
	notice_line(&b->n, "Message-ID: <%s@%s>", id, host);
	notice_line(&b->n, "Auto-Submitted: auto-replied");	/* RFC 3834 section 5 */
	notice_line(&b->n, "MIME-Version: 1.0");
	notice_line(&b->n, "Content-Type: multipart/report; report-type=%sdelivery-status;",
	    b->utf8 ? "global-" : "");
	notice_line(&b->n, "\tboundary=\"=_%s\"", id);
	if (b->utf8 || b->original_8bit)
		notice_line(&b->n, "Content-Transfer-Encoding: 8bit");
	notice_blank(&b->n);
	notice_line(&b->n, "This is a MIME-encoded message.");
}

/* A failed message is returned whole if it is small and DATA can carry it.  RET=HDRS forbids that
 * (RFC 3461 section 4.3).  So does REQUIRETLS: the text must not be sent in clear (RFC 8689 section
 * 5). */
static bool
returns_whole(const struct bounce *b)
{
	const struct queue_entry *e = b->e;

	return words[b->news->action].whole && e->content_size <= ORIGINAL_MAX &&
	    !e->facts.binary && !smtp_dsn_headers_only(e->from_params) &&
	    !smtp_extension_used(e->from_params, SMTP_EXT_REQUIRETLS);
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

	notice_part(&b->n, types[b->utf8][b->whole], b->whole ? names->whole : names->header,
	    b->original_8bit);
	if (b->whole)
		r = notice_copy(&b->n, b->e);
	else
		notice_raw(&b->n, b->header.text);
	notice_last_part(&b->n);
	return r;
}

/* Does the notice need UTF-8?  A sender that used SMTPUTF8 can read the forms of RFC 6533.  More
 * programs read the others, which are used if they can express everything. */
static bool
needs_utf8(const struct bounce *b)
{
	const struct queue_entry *e = b->e;
	bool found = !slice_is_ascii(e->from) || !slice_is_ascii(b->header.text);

	if (!smtp_extension_used(e->from_params, SMTP_EXT_SMTPUTF8))
		return false;
	for (size_t i = 0; i < b->news->n && !found; i++) {
		const struct queue_rcpt *rcpt = &e->rcpts[b->news->rcpts[i].rcpt];

		found = !slice_is_ascii(rcpt->path) || !slice_is_ascii(rcpt->params);
	}
	return found;
}

/* ---- the part for people ---- */

static const char *
plural_ending(const struct bounce *b)
{
	return b->news->n == 1 ? "" : "es";
}

static void
begin_failed(struct bounce *b)
{
	notice_line(&b->n,
	    "Your message could not be delivered to the address%s below, and it will",
	    plural_ending(b));
	notice_line(&b->n,
	    "not be tried again.  Other recipients, if there were any, are not affected.");
}

static void
begin_delayed(struct bounce *b)
{
	notice_line(&b->n,
	    "Your message could not be delivered to the address%s below so far.  This",
	    plural_ending(b));
	notice_line(&b->n,
	    "is a warning only: it is still being tried, and you need not send it again.");
	notice_date(&b->n, "Attempts end on", b->news->retry_until_s);
}

static void
begin_delivered(struct bounce *b)
{
	notice_line(&b->n,
	    "Your message has been delivered to the address%s below.  You asked for this",
	    plural_ending(b));
	notice_line(&b->n,
	    "notice.  This system does not know if anybody has read the message.");
}

static void
begin_relayed(struct bounce *b)
{
	notice_line(&b->n,
	    "Your message for the address%s below has been handed to the next mail server.",
	    plural_ending(b));
	notice_line(&b->n,
	    "That server might not confirm the delivery.  You get another notice only if it");
	notice_line(&b->n, "cannot deliver the message.");
}

static void
begin_expanded(struct bounce *b)
{
	notice_line(&b->n,
	    "The address%s below stand%s for others, and your message has been sent on to all",
	    plural_ending(b), b->news->n == 1 ? "s" : "");
	notice_line(&b->n,
	    "of them.  You get another notice only if one of them cannot be reached.");
}

/* An alias may have led to this address.  The sender knows only the address that it wrote to. */
static void
add_written_address(struct bounce *b, const struct queue_rcpt *rcpt)
{
	char space[SMTP_ORCPT_MAX];
	struct buf text = BUF(space);
	struct slice type, address = smtp_dsn_orcpt(rcpt->params, &type);

	smtp_xtext_decode(address, &text);
	if (text.n && !text.full && !idn_same_address(buf_slice(&text), rcpt->path))
		notice_line(&b->n, "    (you wrote to <%.*s>)", (int)text.n, text.p);
}

/* The host as a stranger may read it: the path of a socket stays here. */
static const char *
public_host(const char *host)
{
	return host[0] == '/' ? "the server that keeps the mailboxes" : host;
}

/* Add one recipient and its outcome.  The sender must not learn where a mailbox lies on this
 * machine. */
static void
explain_rcpt(struct bounce *b, const struct bounce_rcpt *r)
{
	const struct outcome *o = r->outcome;
	struct slice path = b->e->rcpts[r->rcpt].path;
	bool known = o->detail[0] && (o->remote || o->kind != OUTCOME_DELIVERED);

	notice_blank(&b->n);
	notice_line(&b->n, "<%.*s>", (int)path.n, path.p);
	add_written_address(b, &b->e->rcpts[r->rcpt]);
	if (o->remote && o->host[0])
		notice_line(&b->n, "    %s answered:", public_host(o->host));
	notice_line(&b->n, "    %s", known ? outcome_public(o) : words[b->news->action].nothing);
	if (o->status[0])
		notice_line(&b->n, "    (status %s)", o->status);
}

/* Add the end of a notice of failure. */
static void
add_advice(struct bounce *b)
{
	notice_blank(&b->n);
	notice_line(&b->n,
	    "If the reason is that the address does not exist, check how it is spelled.");
	notice_line(&b->n,
	    "Otherwise ask the recipient in another way, or ask the postmaster of the system");
	notice_line(&b->n,
	    "that answered, and quote this notice.  Your message, or its header, is");
	notice_line(&b->n, "attached.");
}

struct quote {
	struct bounce *b;
	const char *host;
	bool begun;
};

static void
quote_line(void *ctx, struct slice line)
{
	struct quote *q = ctx;

	if (q->host[0] == '/' && memmem(line.p, line.n, q->host, strlen(q->host)))
		return;
	if (!q->begun) {
		notice_blank(&q->b->n);
		notice_line(&q->b->n,
		    "The end of the session between this system and %s:", public_host(q->host));
		notice_blank(&q->b->n);
		q->begun = true;
	}
	notice_line(&q->b->n, "    %.*s", (int)line.n, line.p);
}

struct quotes {
	const char *host[QUOTES_MAX];
	size_t n;
};

/* True for the first mention of a host, if there is room to remember it. */
static bool
is_first_mention(struct quotes *q, const char *host)
{
	for (size_t i = 0; i < q->n; i++)
		if (strcmp(q->host[i], host) == 0)
			return false;
	if (q->n == QUOTES_MAX)
		return false;
	q->host[q->n++] = host;
	return true;
}

/* Quote the ends of the sessions in which the recipients failed, from the log of the message.
 * Recipients may share a session. */
static void
quote_sessions(struct bounce *b)
{
	struct quotes quotes = { .n = 0 };
	char *log;
	size_t n;

	if (b->e->expanded && b->e->nrcpts > 1)
		return;		/* the sender must not learn the other members of the alias */
	if (queue_log(b->e, &log, &n) < 0)
		return;		/* the notice is complete without it */
	for (size_t i = 0; i < b->news->n; i++) {
		struct quote quote = { b, b->news->rcpts[i].outcome->host, false };

		if (quote.host[0] && is_first_mention(&quotes, quote.host))
			transcript_quote(slice_of(log, n), slice_str(quote.host), QUOTE_LINES,
			    quote_line, &quote);
	}
	free(log);
}

static void
add_text(struct bounce *b)
{
	notice_part(&b->n, b->utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii",
	    "Notification", b->utf8);
	notice_line(&b->n, "This is the mail system at %s.", b->config->server.hostname);
	notice_blank(&b->n);
	words[b->news->action].begin(b);
	for (size_t i = 0; i < b->news->n; i++)
		explain_rcpt(b, &b->news->rcpts[i]);
	if (b->news->action == NOTICE_FAILED)
		add_advice(b);
	if (b->news->action == NOTICE_FAILED || b->news->action == NOTICE_DELAYED)
		quote_sessions(b);
}

/* ---- all parts ---- */

static int
write_parts(struct bounce *b)
{
	int r;

	add_head(b);
	add_text(b);
	bounce_status(b);
	r = add_original(b);
	return r == 0 ? notice_commit(&b->n) : r;
}

int
bounce_send(const struct queue *q, const struct config *c, struct queue_entry *e,
    const struct bounce_news *news, char ret_id[QUEUE_ID_SIZE])
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
	envelope.requiretls = smtp_extension_used(e->from_params, SMTP_EXT_REQUIRETLS);
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
