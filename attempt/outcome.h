// SPDX-License-Identifier: ISC
/*
 * What becomes of one recipient in one attempt, and the table that decides it: every
 * cause, from DNS to the reply after the dot, stands there once with what follows and its
 * enhanced status code (RFC 3463).
 */
#ifndef ATTEMPT_OUTCOME_H
#define ATTEMPT_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum outcome_kind { OUTCOME_DELIVERED, OUTCOME_DEFERRED, OUTCOME_FAILED };

/* Where a reply came (RFC 5321's phases), or what went wrong without one. */
enum outcome_cause {
	CAUSE_DELIVERED,		/* handed over: 2yz after the dot, a file in a Maildir, ... */
	CAUSE_DNS_NXDOMAIN,		/* 5.1.2 */
	CAUSE_DNS_NULL_MX,		/* 5.1.10 */
	CAUSE_DNS_NO_HOST,		/* 5.4.4 */
	CAUSE_DNS_BAD_NAME,		/* 5.1.2 */
	CAUSE_DNS_DEFER,		/* 4.4.3 */
	CAUSE_OWN_HOST,			/* 5.4.6: no exchanger but ourselves */
	CAUSE_CONNECT,			/* 4.4.1: no exchanger answered */
	CAUSE_SOCKET,			/* 4.4.1: nobody listens on a socket of this host */
	CAUSE_LOST,			/* 4.4.2: connection lost or timed out in mid-session */
	CAUSE_PROTOCOL,			/* 4.5.0: a reply nobody can understand */
	CAUSE_REFUSED_SESSION,		/* 4.3.2: 5yz in place of a greeting or to EHLO; the host does not want us, the recipient may exist */
	CAUSE_NO_TLS,			/* 4.7.4: TLS is required, and not offered */
	CAUSE_TLS_FAILED,		/* 4.7.5: the handshake failed; without TLS the next time, where that is allowed */
	CAUSE_TLS_UNVERIFIED,		/* 4.7.5: a certificate that does not show whom we talk to */
	CAUSE_LOGIN,			/* 4.7.8: a smarthost does not let us in, or we have nothing to log in with */
	CAUSE_REPLY_TEMPORARY,		/* 4yz: the peer's own status, else 4.0.0 */
	CAUSE_REPLY_PERMANENT,		/* 5yz: the peer's own status, else 5.0.0 */
	CAUSE_TOO_BIG,			/* 5.3.4: over the peer's SIZE */
	CAUSE_NO_8BIT,			/* 5.6.3 */
	CAUSE_NO_SMTPUTF8,		/* 5.6.7 */
	CAUSE_BINARY,			/* 5.6.3: content that DATA cannot carry */
	CAUSE_NO_REQUIRETLS,		/* 5.7.30: REQUIRETLS, and no TLS or a peer that does not offer it (RFC 8689) */
	CAUSE_NO_DELIVERBY,		/* 5.4.4: to be given back when late, and no server that would (RFC 2852) */
	CAUSE_DEADLINE,			/* 5.4.7: the sender's time is over, and it wanted it back then */
	CAUSE_LOOP,			/* 5.4.6: has been here before */
	CAUSE_ROUTE_REJECT,		/* 5.7.1: a reject: route */
	CAUSE_MAILDIR,			/* 4.3.0: the file system said no */
	CAUSE_MAILDIR_QUOTA,		/* 4.2.2: the mailbox's owner has no more room there */
	CAUSE_MAILDIR_SPACE,		/* 4.3.1: nobody has */
	CAUSE_MAILDIR_USER,		/* 5.1.1: {local} is no safe file name */
	CAUSE_FORWARDED,		/* an alias: its one address has a copy of the message, and all that was asked for it */
	CAUSE_EXPANDED,			/* an alias or list: copies are on their way to all its addresses */
	CAUSE_ALIASES,			/* 4.3.5: something in an aliases file has to be mended */
	CAUSE_EMPTY_LIST,		/* 5.2.4: a list without an address */
	CAUSE_LOCAL,			/* 4.3.0: something here broke: memory, a crashed worker */
	CAUSE_OPERATOR,			/* 5.0.0: given up by a person: smtp-queue fail */
	CAUSE_EXPIRED,			/* 5.4.7: [queue] lifetime is over; detail says what the last attempt said */
	CAUSE_COUNT,
};

/* How far a delivery has got. */
enum outcome_reach {
	REACH_END,			/* a mailbox, a printer, a list */
	REACH_SERVER,			/* the next one */
	REACH_MANY,			/* the addresses of an alias of several */
	REACH_OTHER,			/* the one address of an alias; its copy carries all that was asked for it */
};

#define OUTCOME_DETAIL 600

/* Where the time of an attempt went, in microseconds; 0: not come to, or none. */
struct outcome_times {
	int64_t dns_us, connect_us;	/* connect: dialling, greeting, EHLO */
	int64_t send_us;		/* from there to what settled it */
	int64_t latency_us;		/* of the exchanger, to the first octet of its greeting */
};

#define OUTCOME_TLS_DOWNGRADED "none/downgraded"

struct outcome {
	enum outcome_cause cause;
	enum outcome_kind kind;
	char status[12];		/* "5.1.2" */
	char host[300];			/* "mx1.example[192.0.2.1]:25", or "" */
	char tls[100];			/* "TLSv1.3/CIPHER", "TLSv1.3/CIPHER/verified", OUTCOME_TLS_DOWNGRADED, or "": none */
	char detail[OUTCOME_DETAIL];	/* one line: the reply as it came ("550 5.1.1 no such user"), or what went wrong */
	struct outcome_times times;
	bool remote;			/* detail is the peer's reply: Diagnostic-Code: smtp; (RFC 3464) */
	enum outcome_reach reach;	/* of what is delivered */
	bool dsn;			/* who has it now offers DSN, and reports what becomes of it */
	bool deliver_by;		/* and has been told by when the sender wants it there (RFC 2852) */
	bool everyone;			/* no session came about: it holds for all mail to this destination */
	bool owed;			/* delivered, and the sender is still to be told: attempt_report() says so */
};

/* Fill in kind and status from the table.  host and detail may be empty; they are cleaned of control characters. */
void outcome_set(struct outcome *o, enum outcome_cause cause, struct slice host, struct slice detail);

/* From a peer's reply: its first digit decides (RFC 5321 section 4.2), its enhanced code is kept where it fits. */
struct smtp_peer_reply;
void outcome_from_reply(struct outcome *o, const struct smtp_peer_reply *r, struct slice host);
/* The same where the reply's place decides, not its digit. */
void outcome_set_reply(struct outcome *o, enum outcome_cause cause, const struct smtp_peer_reply *r, struct slice host);

/* What the sender is told: the detail, but of files on this host no more than what kind of trouble there is.  Whoever writes to a
 * mailbox need not know where it lies, nor read what somebody else's list includes. */
const char *outcome_told(const struct outcome *o);

/* What the logs call it: "delivered", "deferred", "failed"; "expanded" where copies go on. */
const char *outcome_text(const struct outcome *o);
const char *outcome_kind_text(enum outcome_kind kind);	/* "delivered", "deferred", "failed" */

#endif
