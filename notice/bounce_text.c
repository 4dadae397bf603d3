// SPDX-License-Identifier: ISC
/*
 * The part of a notice that people read: what has happened, to whom, why, and what they can do.
 */
#include "notice/bounce_parts.h"

#include <stdlib.h>

#include "attempt/transcript.h"
#include "smtp/params.h"

#define QUOTES_MAX  3		/* hosts */
#define QUOTE_LINES 12

static const char *
plural(const struct bounce *b)
{
	return b->news->n == 1 ? "" : "es";
}

static void
failed(struct bounce *b)
{
	notice_line(&b->n, "Your message could not be delivered to the address%s below, and it will", plural(b));
	notice_line(&b->n, "not be tried again.  Other recipients, if there were any, are not affected.");
}

static void
delayed(struct bounce *b)
{
	notice_line(&b->n, "Your message could not be delivered to the address%s below so far.  This", plural(b));
	notice_line(&b->n, "is a warning only: it is still being tried, and you need not send it again.");
	bounce_date(b, "Attempts end on", b->news->retry_until_s);
}

static void
delivered(struct bounce *b)
{
	notice_line(&b->n, "Your message has been delivered to the address%s below, as you have asked to", plural(b));
	notice_line(&b->n, "be told.  Whether anybody has read it is not known here.");
}

static void
relayed(struct bounce *b)
{
	notice_line(&b->n, "Your message for the address%s below has been handed to the next mail server.", plural(b));
	notice_line(&b->n, "That one may not confirm its delivery, so you may hear no more of it unless it");
	notice_line(&b->n, "cannot be delivered there.");
}

static void
expanded(struct bounce *b)
{
	notice_line(&b->n, "The address%s below stand%s for others, and your message has been sent on to all", plural(b),
	    b->news->n == 1 ? "s" : "");
	notice_line(&b->n, "of them.  You hear more only of those that it cannot be delivered to.");
}

static const struct words {
	void (*begin)(struct bounce *);
	const char *nothing;		/* where the outcome has no words */
} words[NOTICE_KINDS] = {
	[NOTICE_FAILED] = { failed, "no reason was given" },
	[NOTICE_DELAYED] = { delayed, "no reason was given" },
	[NOTICE_DELIVERED] = { delivered, "delivered" },
	[NOTICE_RELAYED] = { relayed, "handed to the next server" },
	[NOTICE_EXPANDED] = { expanded, "sent on to its addresses" },
};

/* An alias may have led there, here or on the way here; then the address alone means nothing to the sender. */
static void
original(struct bounce *b, const struct queue_rcpt *rcpt)
{
	char space[600];
	struct buf text = BUF(space);
	struct slice address;

	(void)slice_cut(smtp_param_value(rcpt->params, SL("ORCPT")), ';', &address);
	smtp_xtext_decode(address, &text);
	if (text.n && !text.full && !slice_ieq(buf_slice(&text), rcpt->path))
		notice_line(&b->n, "    (you have written to <%.*s>)", (int)text.n, text.p);
}

/* What happened to one recipient, as one would tell it.  Where a mailbox lies on our disk is nobody else's business. */
/* Who answered, for others to read: where a socket lies on our disk is ours to know. */
static const char *
host_told(const char *host)
{
	return host[0] == '/' ? "the server that keeps the mailboxes" : host;
}

static void
explain(struct bounce *b, const struct bounce_rcpt *r)
{
	const struct outcome *o = r->outcome;
	struct slice path = b->e->rcpts[r->rcpt].path;
	bool says = o->detail[0] && (o->remote || o->kind != OUTCOME_DELIVERED);

	notice_blank(&b->n);
	notice_line(&b->n, "<%.*s>", (int)path.n, path.p);
	original(b, &b->e->rcpts[r->rcpt]);
	if (o->remote && o->host[0])
		notice_line(&b->n, "    %s answered:", host_told(o->host));
	notice_line(&b->n, "    %s", says ? outcome_told(o) : words[b->news->action].nothing);
	if (o->status[0])
		notice_line(&b->n, "    (status %s)", o->status);
}

static void
advise(struct bounce *b)
{
	notice_blank(&b->n);
	notice_line(&b->n, "If the reason says that the address does not exist, check how it is spelled.");
	notice_line(&b->n, "Otherwise ask the recipient by another way, or the postmaster of the system");
	notice_line(&b->n, "that answered, and quote this notice.  Your message, or its header, is");
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
		notice_line(&q->b->n, "The last of what was said between this system and %s:", host_told(q->host));
		notice_blank(&q->b->n);
		q->begun = true;
	}
	notice_line(&q->b->n, "    %.*s", (int)line.n, line.p);
}

struct quotes {
	const char *host[QUOTES_MAX];
	size_t n;
};

/* True once for each host, as long as there is room. */
static bool
first_of(struct quotes *q, const char *host)
{
	for (size_t i = 0; i < q->n; i++)
		if (strcmp(q->host[i], host) == 0)
			return false;
	if (q->n == QUOTES_MAX)
		return false;
	q->host[q->n++] = host;
	return true;
}

/* What was said last in the sessions that ended so.  Many recipients share one. */
static void
quote_sessions(struct bounce *b)
{
	struct quotes quotes = { .n = 0 };
	char *log;
	size_t n;

	if (b->e->expanded && b->e->nrcpts > 1)
		return;		/* who else is behind an alias is not for those to know who have written to it */
	if (queue_log(b->e, &log, &n) < 0)
		return;		/* a help, not a condition */
	for (size_t i = 0; i < b->news->n; i++) {
		struct quote quote = { b, b->news->rcpts[i].outcome->host, false };

		if (quote.host[0] && first_of(&quotes, quote.host))
			transcript_quote(slice_of(log, n), slice_str(quote.host), QUOTE_LINES, quote_line, &quote);
	}
	free(log);
}

void
bounce_text(struct bounce *b)
{
	bounce_part(b, b->utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii", "Notification", b->utf8);
	notice_line(&b->n, "This is the mail system at %s.", b->config->server.hostname);
	notice_blank(&b->n);
	words[b->news->action].begin(b);
	for (size_t i = 0; i < b->news->n; i++)
		explain(b, &b->news->rcpts[i]);
	if (b->news->action == NOTICE_FAILED)
		advise(b);
	if (b->news->action == NOTICE_FAILED || b->news->action == NOTICE_DELAYED)
		quote_sessions(b);
}
