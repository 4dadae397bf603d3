// SPDX-License-Identifier: ISC
/*
 * From a destination to an open link: look it up, put its exchangers in order, dial and greet them,
 * until one takes mail.  Private to the room.
 */
#ifndef CLIENT_CONNECT_H
#define CLIENT_CONNECT_H

#include "attempt/attempt.h"
#include "client/greet.h"
#include "client/link.h"
#include "hosts/order.h"
#include "policy/sts_record.h"

/* Reasons why there is no delivery, the most useful last.  A reason replaces one of the same or a
 * lower rank. */
enum reason_rank {
	REASON_NOTHING,
	REASON_LOST,
	REASON_REFUSED,
	REASON_REPLY,
	REASON_OWN,
	REASON_LOGIN,
};

struct connect {
	struct delivery *d;
	const struct queue_entry *e;
	struct tls_policy policy;	/* for all hosts of the destination */
	bool looked_up;			/* mx is filled */
	struct mx_list mx;
	/* The demands of each exchanger's domain; malloc'ed, NULL: not asked yet. */
	struct exchanger_tls *published[MX_EXCHANGERS_MAX];
	const struct sts_policy *sts;	/* the policy that is enforced; NULL: none */
	bool trial;			/* a policy is tried out, and its failures are reported */
	bool requiretls;		/* the sender demands it (RFC 8689) */
	unsigned lacking;		/* hosts without the TLS that it demands */
	struct outcome lacking_why;	/* of the last of them */
	/* The message waives these demands (client/tls_required.h), as far as that is known. */
	bool waiver_known, waived;
	bool demanded;			/* a host had such demands, and they counted */
	struct order_target targets[ORDER_MAX];	/* not tried yet, in order */
	size_t n;
	/* IPv6 addresses left out because they refused ours; the last resort. */
	struct order_target avoided[ORDER_MAX];
	size_t navoided;
	bool ipv6_again;		/* they are among the targets now */
	size_t npaused;			/* addresses left out because they are paused */
	unsigned dials, sessions;
	int64_t end_ms;			/* monotonic: no new host after this */
	unsigned refused;		/* hosts that took no mail */
	unsigned gone;			/* hosts that refused for good (521, 554) */
	enum reason_rank rank;		/* the rank of why */
	struct outcome why;
	struct outcome gone_why;	/* the reply of the last host that refused for good */
	struct buf tried;		/* "mx1.example[192.0.2.1]:25: Connection refused; ..." */
	char tried_space[OUTCOME_DETAIL - 40];
	struct buf paused;		/* "mx2.example[192.0.2.2]:25 has failed since ...; ..." */
	char paused_space[OUTCOME_DETAIL - 40];
};

/* Start the search for a host for message e.  Its TLS policy includes REQUIRETLS. */
void connect_init(struct connect *c, struct delivery *d, const struct queue_entry *e);
void connect_done(struct connect *c);

/* An open link to the next host that takes mail; the caller closes it.  NULL if no host is left:
 * c->why is the outcome of all recipients that are left. */
struct smtp_link *connect_next(struct connect *c);

/* May there be another host to try, or have all been? */
bool connect_has_more(const struct connect *c);

/* Did every host of the destination greet us?  Then a lack that all of them have is final. */
bool connect_met_all(const struct connect *c);

/* The last host failed after all; o (deferred) is the reason if all others fail too. */
void connect_blame(struct connect *c, const struct outcome *o);

/* The host refuses our IPv6 address, and has an IPv4 address; o (deferred) is its reply.  From now
 * on only IPv4 addresses are dialled. */
void connect_avoid_ipv6(struct connect *c, const struct smtp_link *l, const struct outcome *o);

/* ---- connect_tls.c ---- */

/* The exchangers are known, and sts is the policy of their domain, or NULL.  False: no exchanger
 * may get the message, and c->why is set. */
bool connect_tls_begin(struct connect *c, const struct sts_record *sts);

/* Leave out the exchangers among the first n targets that must not get the message, as far as that
 * is known before they are dialled.  False: some were left out, so that there are other targets. */
bool connect_tls_allows(struct connect *c, size_t n);

/* The TLS that a host must offer, which was dialled; sets what l must know of it. */
void connect_tls_policy(struct connect *c, const struct order_target *t, struct smtp_link *l,
    struct tls_policy *p);

/* Report whether the host has shown a good certificate, for later deliveries.  why is the reason if
 * there is no session; NULL: there is one. */
void connect_tls_learn(const struct connect *c, const struct order_target *t,
    const struct smtp_link *l, const struct outcome *why);

/* Is why, of a host, the lack of the TLS that REQUIRETLS demands?  If that is true of all hosts,
 * the message is returned (RFC 8689 section 4.2.1). */
bool connect_tls_lacks(struct connect *c, const struct outcome *why);

/* ---- connect_session.c ---- */

/* Report the result of TLS with the host of a link, if its domain may want to know. */
void connect_session_opened(const struct connect *c, const struct order_target *t,
    const struct smtp_link *l, const struct tls_policy *p, enum greet_result result,
    const struct outcome *why);

/* The same of an exchanger that gets no mail, by what its domain has published. */
void connect_session_skipped(const struct connect *c, const struct mx_exchanger *x,
    enum outcome_cause cause, const char *why);

/* ---- connect_notes.c ---- */

/* A reason why there is no delivery: kept if none of a higher rank is known. */
void connect_keep_reason(struct connect *c, enum reason_rank rank, const struct outcome *o);

/* The result of a host, for the outcome if no host takes the mail. */
void connect_add_tried(struct connect *c, const char *host, const char *what);

/* "mx1.example[192.0.2.1]:25"; the name is left out if it is only the address again. */
void connect_host_text(const struct order_target *t, char text[300]);

/* The answer of the DNS, for the transcript. */
void connect_note_answer(const struct connect *c);

/* The result of a dial, for the transcript; `what` is the error of one that failed. */
void connect_note_dial(const struct connect *c, const char *host, const struct dial_target *dialled,
    const char *what);

/* "mx1.example[192.0.2.1]:25 has failed since ..., next try at ..." */
void connect_note_paused(const struct order_target *t, struct buf *b);

/* An event for the table of hosts, which knows no sockets (t is NULL).  dialled may be NULL. */
void connect_report_host(const struct connect *c, const struct order_target *t,
    const struct dial_target *dialled, enum host_event event, enum host_tls tls);

/* Report an event of the host of an open link. */
void connect_report_link(const struct delivery *d, const struct smtp_link *l,
    enum host_event event);

#endif
