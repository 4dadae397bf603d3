// SPDX-License-Identifier: ISC
/*
 * The outcome of an attempt for one recipient, and the table of causes.  Each cause, from the DNS
 * to the final reply, stands there once with its result and its enhanced status code (RFC 3463).
 */
#ifndef ATTEMPT_OUTCOME_H
#define ATTEMPT_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct smtp_peer_reply;

enum outcome_kind { OUTCOME_DELIVERED, OUTCOME_DEFERRED, OUTCOME_FAILED };

/* The cause of an outcome: the place of a reply, or a fault without one. */
enum outcome_cause {
	CAUSE_DELIVERED,		/* handed over: 2yz after the dot, a Maildir file, ... */
	CAUSE_DNS_NXDOMAIN,		/* 5.1.2 */
	CAUSE_DNS_NULL_MX,		/* 5.1.10 */
	CAUSE_DNS_NO_HOST,		/* 5.4.4 */
	CAUSE_DNS_BAD_NAME,		/* 5.1.2 */
	CAUSE_DNS_DEFER,		/* 4.4.3 */
	CAUSE_OWN_HOST,			/* 5.4.6: the only exchanger is this machine */
	CAUSE_CONNECT,			/* 4.4.1: no exchanger answered */
	CAUSE_SOCKET,			/* 4.4.1: no server listens on a socket of this machine */
	CAUSE_LOST,			/* 4.4.2: connection lost or timed out in mid-session */
	CAUSE_PROTOCOL,			/* 4.5.0: a reply without meaning */
	/* 4.3.2: 5yz as greeting or to EHLO; the host refuses us, the recipient may exist. */
	CAUSE_REFUSED_SESSION,
	CAUSE_NO_TLS,			/* 4.7.4: TLS is required, and not announced */
	/* 4.7.5: the handshake failed; the next attempt goes without TLS if that is allowed. */
	CAUSE_TLS_FAILED,
	CAUSE_TLS_UNVERIFIED,		/* 4.7.5: the certificate does not prove the name */
	CAUSE_DANE,			/* 4.7.5: it is not known what TLS the host must offer */
	CAUSE_LOGIN,			/* 4.7.8: the smarthost refused our login, or none is set */
	CAUSE_REPLY_TEMPORARY,		/* 4yz: the peer's own status, else 4.0.0 */
	CAUSE_REPLY_PERMANENT,		/* 5yz: the peer's own status, else 5.0.0 */
	CAUSE_TOO_BIG,			/* 5.3.4: above the peer's SIZE */
	CAUSE_NO_8BIT,			/* 5.6.3 */
	CAUSE_NO_SMTPUTF8,		/* 5.6.7 */
	CAUSE_BINARY,			/* 5.6.3: content that DATA cannot carry */
	CAUSE_NO_REQUIRETLS,		/* 5.7.30: the peer does not announce it (RFC 8689) */
	/* 5.7.10: REQUIRETLS, and no TLS with a host whose name is proven (RFC 8689). */
	CAUSE_TLS_NEEDED,
	/* 5.4.4: BY in mode R, and the server does not announce DELIVERBY (RFC 2852). */
	CAUSE_NO_DELIVERBY,
	CAUSE_DEADLINE,			/* 5.4.7: the time limit has passed (mode R) */
	CAUSE_LOOP,			/* 5.4.6: it was here before */
	CAUSE_ROUTE_REJECT,		/* 5.7.1: a reject: route */
	CAUSE_MAILDIR,			/* 4.3.0: an error of the file system */
	CAUSE_MAILDIR_QUOTA,		/* 4.2.2: the owner of the mailbox has no space left */
	CAUSE_MAILDIR_SPACE,		/* 4.3.1: the file system has no space left */
	CAUSE_MAILDIR_USER,		/* 5.1.1: {local} is not a safe file name */
	CAUSE_FORWARDED,		/* an alias of one address: the copy carries all requests */
	CAUSE_EXPANDED,			/* an alias or list: all its addresses get copies */
	CAUSE_ALIASES,			/* 4.3.5: a fault in an aliases file */
	CAUSE_EMPTY_LIST,		/* 5.2.4: a list without an address */
	CAUSE_LOCAL,			/* 4.3.0: a fault here: memory, a crashed worker */
	CAUSE_OPERATOR,			/* 5.0.0: given up by the operator (smtp-queue fail) */
	CAUSE_ASIDE,			/* 5.3.0: put aside, as processes died on it */
	CAUSE_EXPIRED,			/* 5.4.7: lifetime is over; detail is the last attempt's */
	CAUSE_RATE,			/* 4.4.5: the rate of the destination is used up for now */
	CAUSE_COUNT,
};

/* The place that a delivered message has reached. */
enum outcome_reach {
	REACH_END,			/* a mailbox, a printer, a list */
	REACH_SERVER,			/* the next server */
	REACH_MANY,			/* the addresses of an alias with several */
	/* The one address of an alias; the copy carries all requests of the sender. */
	REACH_OTHER,
};

#define OUTCOME_DETAIL 600

/* The times of an attempt in microseconds; 0: not reached, or none.  A peer that delays each of its
 * replies can make one last for days: longer times are cut. */
#define OUTCOME_TIME_MAX_US (INT64_C(400) * 86400 * 1000000)

struct outcome_times {
	int64_t dns_us, connect_us;	/* connect: dialling, greeting, EHLO */
	int64_t send_us;		/* from there to the reply that decided */
	int64_t latency_us;		/* to the first octet of the host's greeting */
};

/* A host may do this to mail again and again.  Then it is not to be asked for each message. */
enum outcome_bar {
	BAR_NONE,
	BAR_MAIL,			/* it has refused MAIL for now */
	BAR_SESSION,			/* it has ended the session with 421 at a message */
	BAR_RESTED,			/* it was not asked, as it has done that before */
};

#define OUTCOME_TLS_DOWNGRADED "none/downgraded"
/* The end of words in brackets about a message whose reply is missing.  They are true of that
 * message alone. */
#define OUTCOME_TWICE "may arrive twice)"

struct outcome {
	enum outcome_cause cause;
	enum outcome_kind kind;
	char status[12];		/* "5.1.2" */
	char host[300];			/* "mx1.example[192.0.2.1]:25", or "" */
	/* "TLSv1.3/CIPHER", "TLSv1.3/CIPHER/verified", "TLSv1.3/CIPHER/dane:3.1.1:01234567...",
	 * each perhaps with "/resumed"; OUTCOME_TLS_DOWNGRADED; "": no TLS. */
	char tls[140];
	/* One line: the reply as received ("550 5.1.1 no such user"), or the fault. */
	char detail[OUTCOME_DETAIL];
	struct outcome_times times;
	/* detail is the peer's reply: Diagnostic-Code: smtp; (RFC 3464 section 2.3.6). */
	bool remote;
	enum outcome_reach reach;	/* the reach of a delivered message */
	/* The next server announces DSN, and reports further results itself. */
	bool dsn;
	bool deliver_by;		/* the next server was given the time limit (RFC 2852) */
	enum outcome_bar bar;
	/* There was no session: the outcome holds for all mail to this destination. */
	bool everyone;
	/* Delivered, and a notice is owed; set by attempt_report(). */
	bool owed;
};

/* Set an outcome; kind and status come from the table.  host and detail may be empty; control
 * characters in them are replaced. */
void outcome_set(struct outcome *o, enum outcome_cause cause, struct slice host,
    struct slice detail);

/* Set an outcome from a peer's reply: its first digit decides (RFC 5321 section 4.2).  Its enhanced
 * status code is used if it fits. */
void outcome_from_reply(struct outcome *o, const struct smtp_peer_reply *r, struct slice host);

/* Set an outcome with a peer's reply whose place, and not its digit, gives the cause. */
void outcome_set_reply(struct outcome *o, enum outcome_cause cause, const struct smtp_peer_reply *r,
    struct slice host);

/* Is it an outcome as these functions make it?  It may be any octets, of another process. */
bool outcome_valid(const struct outcome *o);

/* Is such a status of a refusal for now about an address?  Other mail has another one (4.1.z, RFC
 * 3463 section 3.2). */
bool outcome_of_address(struct slice status);

/* The detail for the sender.  For files on this machine it is only the kind of trouble.  The sender
 * must not learn mailbox paths or the members of lists. */
const char *outcome_public(const struct outcome *o);

/* The word for the logs: "delivered", "deferred", "failed", or "expanded" if copies go on. */
const char *outcome_text(const struct outcome *o);

#endif
