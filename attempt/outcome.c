// SPDX-License-Identifier: ISC
/*
 * The table of outcomes: for each cause its kind and its enhanced status code (RFC 3463).  Pure.
 * Nothing else may decide whether a message is tried again.
 */
#include "attempt/outcome.h"

#include "base/foreign.h"
#include "smtp/reply.h"

static const struct row {
	enum outcome_kind kind;
	char status[8];
	bool peers;		/* use the peer's own status code, if it gave one */
} table[CAUSE_COUNT] = {
	[CAUSE_DELIVERED]       = { OUTCOME_DELIVERED, "2.0.0",  true },
	[CAUSE_DNS_NXDOMAIN]    = { OUTCOME_FAILED,    "5.1.2",  false },
	[CAUSE_DNS_NULL_MX]     = { OUTCOME_FAILED,    "5.1.10", false },
	[CAUSE_DNS_NO_HOST]     = { OUTCOME_FAILED,    "5.4.4",  false },
	[CAUSE_DNS_BAD_NAME]    = { OUTCOME_FAILED,    "5.1.2",  false },
	[CAUSE_DNS_DEFER]       = { OUTCOME_DEFERRED,  "4.4.3",  false },
	[CAUSE_OWN_HOST]        = { OUTCOME_FAILED,    "5.4.6",  false },
	[CAUSE_CONNECT]         = { OUTCOME_DEFERRED,  "4.4.1",  false },
	[CAUSE_SOCKET]          = { OUTCOME_DEFERRED,  "4.4.1",  false },
	[CAUSE_LOST]            = { OUTCOME_DEFERRED,  "4.4.2",  false },
	[CAUSE_PROTOCOL]        = { OUTCOME_DEFERRED,  "4.5.0",  false },
	[CAUSE_REFUSED_SESSION] = { OUTCOME_DEFERRED,  "4.3.2",  false },
	[CAUSE_NO_TLS]          = { OUTCOME_DEFERRED,  "4.7.4",  false },
	[CAUSE_TLS_FAILED]      = { OUTCOME_DEFERRED,  "4.7.5",  false },
	[CAUSE_TLS_UNVERIFIED]  = { OUTCOME_DEFERRED,  "4.7.5",  false },
	[CAUSE_DANE]            = { OUTCOME_DEFERRED,  "4.7.5",  false },
	[CAUSE_LOGIN]           = { OUTCOME_DEFERRED,  "4.7.8",  false },
	[CAUSE_RATE]            = { OUTCOME_DEFERRED,  "4.4.5",  false },
	[CAUSE_REPLY_TEMPORARY] = { OUTCOME_DEFERRED,  "4.0.0",  true },
	[CAUSE_REPLY_PERMANENT] = { OUTCOME_FAILED,    "5.0.0",  true },
	[CAUSE_TOO_BIG]         = { OUTCOME_FAILED,    "5.3.4",  false },
	[CAUSE_NO_8BIT]         = { OUTCOME_FAILED,    "5.6.3",  false },
	[CAUSE_NO_SMTPUTF8]     = { OUTCOME_FAILED,    "5.6.7",  false },
	[CAUSE_BINARY]          = { OUTCOME_FAILED,    "5.6.3",  false },
	[CAUSE_NO_REQUIRETLS]   = { OUTCOME_FAILED,    "5.7.30", false },
	[CAUSE_TLS_NEEDED]      = { OUTCOME_FAILED,    "5.7.10", false },
	[CAUSE_NO_DELIVERBY]    = { OUTCOME_FAILED,    "5.4.4",  false },
	[CAUSE_DEADLINE]        = { OUTCOME_FAILED,    "5.4.7",  false },
	[CAUSE_LOOP]            = { OUTCOME_FAILED,    "5.4.6",  false },
	[CAUSE_ROUTE_REJECT]    = { OUTCOME_FAILED,    "5.7.1",  false },
	[CAUSE_MAILDIR]         = { OUTCOME_DEFERRED,  "4.3.0",  false },
	[CAUSE_MAILDIR_QUOTA]   = { OUTCOME_DEFERRED,  "4.2.2",  false },
	[CAUSE_MAILDIR_SPACE]   = { OUTCOME_DEFERRED,  "4.3.1",  false },
	[CAUSE_MAILDIR_USER]    = { OUTCOME_FAILED,    "5.1.1",  false },
	[CAUSE_FORWARDED]       = { OUTCOME_DELIVERED, "2.0.0",  false },
	[CAUSE_EXPANDED]        = { OUTCOME_DELIVERED, "2.0.0",  false },
	[CAUSE_ALIASES]         = { OUTCOME_DEFERRED,  "4.3.5",  false },
	[CAUSE_EMPTY_LIST]      = { OUTCOME_FAILED,    "5.2.4",  false },
	[CAUSE_LOCAL]           = { OUTCOME_DEFERRED,  "4.3.0",  false },
	[CAUSE_OPERATOR]        = { OUTCOME_FAILED,    "5.0.0",  false },
	[CAUSE_ASIDE]           = { OUTCOME_FAILED,    "5.3.0",  false },
	[CAUSE_EXPIRED]         = { OUTCOME_FAILED,    "5.4.7",  false },
};

/* Copy text as one line without control characters.  Text that does not fit ends in "...", never
 * inside a UTF-8 sequence. */
static void
copy_clean(char *to, size_t size, struct slice from)
{
	bool cut = from.n > size - 1;
	size_t n = cut ? size - 4 : from.n;

	while (cut && n && ((unsigned char)from.p[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)from.p[i];

		if (c == '\n' || c == '\t')
			to[i] = ' ';
		else if (c < ' ' || c == 127)
			to[i] = '?';
		else
			to[i] = (char)c;
	}
	if (cut) {
		memcpy(to + n, "...", 3);
		n += 3;
	}
	to[n] = '\0';
}

void
outcome_set(struct outcome *o, enum outcome_cause cause, struct slice host, struct slice detail)
{
	const struct row *row = &table[cause];

	memset(o, 0, sizeof *o);
	o->cause = cause;
	o->kind = row->kind;
	memcpy(o->status, row->status, sizeof row->status);
	copy_clean(o->host, sizeof o->host, host);
	copy_clean(o->detail, sizeof o->detail, detail);
}

/* The first digit of a reply decides (RFC 5321 section 4.2).  A 3yz reply in the wrong place, or a
 * malformed one, is not a statement about the recipient, so it is not permanent. */
static enum outcome_cause
reply_cause(const struct smtp_peer_reply *r)
{
	if (r->malformed)
		return CAUSE_PROTOCOL;
	switch (r->code / 100) {
	case 2:
		return CAUSE_DELIVERED;
	case 4:
		return CAUSE_REPLY_TEMPORARY;
	case 5:
		return CAUSE_REPLY_PERMANENT;
	default:
		return CAUSE_PROTOCOL;
	}
}

void
outcome_from_reply(struct outcome *o, const struct smtp_peer_reply *r, struct slice host)
{
	outcome_set_reply(o, reply_cause(r), r, host);
}

void
outcome_set_reply(struct outcome *o, enum outcome_cause cause, const struct smtp_peer_reply *r,
    struct slice host)
{
	char space[SMTP_PEER_TEXT + 8];
	struct buf b = BUF(space);
	struct slice status = smtp_peer_reply_status(r);

	if (r->code)
		buf_fmt(&b, "%d ", r->code);
	buf_add(&b, buf_slice(&r->text));
	outcome_set(o, cause, host, buf_slice(&b));
	if (table[cause].peers && status.n && status.n < sizeof o->status) {
		memcpy(o->status, status.p, status.n);
		o->status[status.n] = '\0';
	}
	o->remote = !r->malformed;
}

/* The digits at the start, at most max.  0: there are none, or too many. */
static size_t
count_digits(const char *s, size_t max)
{
	const size_t n = strspn(s, "0123456789");

	return n <= max ? n : 0;
}

/* Is it an enhanced status code (RFC 3463 section 2)? */
static bool
is_status(const char *s)
{
	size_t n;

	if ((s[0] != '2' && s[0] != '4' && s[0] != '5') || s[1] != '.' ||
	    (n = count_digits(s + 2, 3)) == 0 || s[2 + n] != '.')
		return false;
	s += 2 + n + 1;
	n = count_digits(s, 3);
	return n && s[n] == '\0';
}

static bool
is_time(int64_t us)
{
	return us >= -OUTCOME_TIME_MAX_US && us <= OUTCOME_TIME_MAX_US;
}

bool
outcome_valid(const struct outcome *o)
{
	const struct outcome_times *t = &o->times;

	return (unsigned)o->cause < CAUSE_COUNT && o->kind == table[o->cause].kind &&
	    foreign_line(o->status, sizeof o->status) && is_status(o->status) &&
	    foreign_line(o->host, sizeof o->host) && foreign_line(o->tls, sizeof o->tls) &&
	    foreign_line(o->detail, sizeof o->detail) && is_time(t->dns_us) &&
	    is_time(t->connect_us) && is_time(t->send_us) && is_time(t->latency_us) &&
	    foreign_bool(&o->remote) && (unsigned)o->reach <= REACH_OTHER &&
	    (unsigned)o->bar <= BAR_RESTED &&
	    foreign_bool(&o->dsn) && foreign_bool(&o->deliver_by) &&
	    foreign_bool(&o->everyone) && foreign_bool(&o->owed);
}

const char *
outcome_public(const struct outcome *o)
{
	switch (o->cause) {
	case CAUSE_MAILDIR:
		return "the mailbox cannot be written to at present";
	case CAUSE_MAILDIR_QUOTA:
		return "the mailbox is full";
	case CAUSE_MAILDIR_SPACE:
		return "there is no space for the mailbox at present";
	case CAUSE_SOCKET:
		return "the server that keeps the mailboxes cannot be reached at present";
	case CAUSE_ALIASES:
		return "the addresses of this alias cannot be found at present";
	case CAUSE_LOGIN:
		return o->remote ? o->detail :
		    "the next mail server does not accept our login at present";
	default:
		return o->detail;
	}
}

const char *
outcome_text(const struct outcome *o)
{
	static const char *const text[] = {
		[OUTCOME_DELIVERED] = "delivered",
		[OUTCOME_DEFERRED] = "deferred",
		[OUTCOME_FAILED] = "failed",
	};

	if (o->cause == CAUSE_FORWARDED || o->cause == CAUSE_EXPANDED)
		return "expanded";
	return text[o->kind];
}

bool
outcome_of_address(struct slice status)
{
	return slice_has_prefix(status, SL("4.1."));
}
