// SPDX-License-Identifier: ISC
/*
 * One message over one link: MAIL, RCPT, the content, and each recipient's outcome.  Three files,
 * of which each knows those below it:
 *
 *	transaction.c		the order of the steps, and the outcome of each for the recipients
 *	transaction_commands.c	the fit of message and peer; commands and their replies, up to
 *				DATA or BDAT
 *	transaction_content.c	the content out, and the replies to it
 *
 * Private to the room.
 */
#ifndef CLIENT_TRANSACTION_H
#define CLIENT_TRANSACTION_H

#include "attempt/attempt.h"
#include "client/link.h"
#include "client/form.h"

/* A recipient that is left, in the running transaction. */
enum rcpt_state {
	RCPT_LATER,			/* not in this transaction */
	RCPT_ASKED,
	RCPT_ACCEPTED,
	RCPT_AGAIN,			/* the peer takes no more at once */
	RCPT_ELSEWHERE,			/* the peer takes it not now: another host may */
	RCPT_UNFIT,			/* needs an extension that this peer lacks */
	RCPT_SETTLED,			/* settled and reported */
};

struct client_state;

struct transaction {
	struct delivery *d;
	struct queue_entry *e;
	struct form form;
	const struct payload *payload;	/* the form for this link */
	uint32_t *left;			/* recipients without an outcome; malloc'ed */
	unsigned char *state;		/* a state for each recipient: enum rcpt_state */
	size_t nleft;
	size_t nput_off;		/* the last of them: refused by this host, with VERP */
	size_t nrefused;		/* MAIL refused for now by this host, in a row */
	bool served;			/* a recipient was settled in this session */
	unsigned vain;			/* sessions in a row that ended early and deferred all */
	struct outcome why;		/* TRANSACTION_NEXT: the host's fault (deferred) */
	struct outcome unfit;		/* what the last unfit host lacked (failed) */
	bool any_unfit;			/* unfit is set */
	bool lost;			/* the link broke after the content: a copy may arrive */
	bool moved;			/* the peer refuses our IPv6 address, and has IPv4 */
	bool no_bdat;			/* a chunk was refused, as BDAT is unknown */
	bool no_chunk;			/* a chunk was refused, perhaps as BDAT is unknown */
	bool broke_chunk;		/* the link broke at a chunk */
	bool broke_group;		/* the link broke at a group of commands */
	bool no_ahead;			/* commands sent ahead had no reply, but the message had */

	/* The running transaction: RSET, MAIL, RCPT for each of left[0..asked), DATA or BDAT. */
	struct smtp_link *link;
	size_t asked, accepted;
	int64_t share_ms;		/* of the time, for each recipient */
	size_t sent, replied;		/* commands sent, and replies read; from the first on */
	uint64_t content_end;		/* octets_out of the link after the content */
	bool chunked;			/* by BDAT */
	bool blind;			/* BDAT and the content before the replies to RCPT */
	bool mail_accepted;
	bool elsewhere;			/* a recipient is RCPT_ELSEWHERE: t->why has the reply */
	bool in_clear;			/* refused by a host that is spared TLS: no answer */
	bool spent;			/* MAIL was refused, but not the first of the session */
	bool refused;			/* MAIL was refused for now: t->why has the reply */
	bool sent_deadline;		/* MAIL had the sender's time limit (DELIVERBY) */
	bool ahead;			/* commands were sent during the message before */
	bool unheard;			/* they were, and none has a reply */
	bool replied_to;		/* the host has replied to one of the commands */
	int error;			/* of the link that broke: -errno */
};

enum transaction_end {
	TRANSACTION_DONE,		/* some have an outcome; the rest can use an open link */
	TRANSACTION_NEXT,		/* this host does not get further: try another one */
	TRANSACTION_SPENT,		/* this session takes no more; a new one would */
	TRANSACTION_BY_TLS,		/* this host does not get further without TLS (t->why) */
	TRANSACTION_UNFIT,		/* this host cannot carry the rest (t->unfit) */
};

/* NULL without memory. */
struct transaction *transaction_new(struct delivery *d, struct queue_entry *e,
    const uint32_t *rcpts, size_t n);
/* NULL is fine. */
void transaction_free(struct transaction *t);

/* Offer the message over l for all that are left. */
enum transaction_end transaction_run(struct transaction *t, struct smtp_link *l);

/* Set one outcome for all recipients that are left. */
void transaction_settle_rest(struct transaction *t, const struct outcome *o);

/*
 * May the message go over an open link?  It may have other demands on TLS.  An old link is left, so
 * that the next one goes to the host that is the best by then, or is new in the DNS; but servers
 * limit how often a client logs in.
 */
bool transaction_may_use(const struct delivery *d, const struct smtp_link *l,
    const struct queue_entry *e);

/* The transaction of e if its commands were sent ahead; else NULL.  It becomes the caller's. */
struct transaction *transaction_take_ahead(struct delivery *d, const struct queue_entry *e);

/* Forget the transaction sent ahead, if there is one: its link ends. */
void transaction_drop_ahead(struct client_state *c);

/* ---- transaction_commands.c ---- */

/* The content was sent since since_ms (monotonic).  That has a limit of its own, so it does not
 * count as time of the transaction. */
void commands_spare_time(struct transaction *t, int64_t since_ms);


/* Why this message cannot go over this link, with a text for people in why; CAUSE_DELIVERED: it
 * can. */
enum outcome_cause commands_fit_message(const struct queue_entry *e, const struct payload *p,
    const struct smtp_link *l, struct buf *why);

/* Can the host take this recipient?  CAUSE_NONE, or the cause with the reason in why. */
enum outcome_cause commands_fit_rcpt(const struct queue_rcpt *rcpt, const struct smtp_link *l,
    struct buf *why);

/* The number of commands sent before a reply is waited for, with PIPELINING.  Their replies fit in
 * the buffers of any socket, so neither side can block the other. */
#define COMMANDS_GROUP 100

/* Is DATA better than BDAT, if the form of the message allows that? */
bool commands_prefer_data(const struct transaction *t);

/* Nothing is sent yet. */
void commands_begin(struct transaction *t);

/* Queue the first group behind the content of another transaction.  0 or -errno. */
int commands_send_ahead(struct transaction *t, bool after_chunk);

/* Add the commands without a reply to the transcript. */
void commands_record(struct transaction *t);

enum commands_reply {
	COMMANDS_OVER,		/* no reply is left: DATA or BDAT was sent, or need not be sent */
	COMMANDS_RSET,
	COMMANDS_MAIL,
	COMMANDS_RCPT,
};

/*
 * Send the commands that make sense by now, and read one reply into the link.  *ret is the command
 * that it belongs to, and *ret_rcpt the recipient, as an index of left[].  0; -ECONNABORTED if the
 * reply is 421; -errno as link_reply() and payload_send_chunk().
 */
int commands_step(struct transaction *t, enum commands_reply *ret, size_t *ret_rcpt);

/* The outcome of the last reply.  If that has ended the session, it says so. */
void commands_outcome(const struct transaction *t, struct outcome *o);

/* DATA or BDAT is sent. */
bool commands_all_sent(const struct transaction *t);
/* All commands before DATA or BDAT have a reply. */
bool commands_all_replied(const struct transaction *t);
/* The next reply belongs to MAIL. */
bool commands_at_mail(const struct transaction *t);
/* MAIL has a reply other than 2yz. */
bool commands_mail_refused(const struct transaction *t);
/* Did the link break with this error at a chunk, or at a group of commands without a reply? */
bool commands_broke_chunk(const struct transaction *t, int error);
bool commands_broke_group(const struct transaction *t, int error);
/* "RCPT TO": the command that the next reply belongs to. */
const char *commands_name(const struct transaction *t);

/* ---- transaction_content.c ---- */

enum content_end {
	CONTENT_GO_ON,			/* no end: the next step follows */
	CONTENT_SETTLED,		/* nobody waits for an outcome */
	CONTENT_REPLIED,		/* a reply is the outcome of all accepted recipients */
	CONTENT_PUT_OFF,		/* DATA was refused for now: another host may take it */
	CONTENT_BROKEN,			/* the link broke before all octets left */
	CONTENT_LOST,		/* the link broke after that: a copy may arrive (RFC 1047) */
	CONTENT_UNREADABLE,		/* our own disk failed */
	CONTENT_NO_BDAT,		/* the peer offers CHUNKING, but refuses BDAT */
};

/* Queue the content: after the 354, or nothing if it followed BDAT.  *o is set unless the end is
 * CONTENT_GO_ON or CONTENT_SETTLED. */
enum content_end content_queue(struct transaction *t, struct outcome *o);

/* Send all that is queued. */
enum content_end content_flush(struct transaction *t, struct outcome *o);

/* The reply to the content, for all that were accepted. */
enum content_end content_reply(struct transaction *t, struct outcome *o);

/* The reply for one of them: LMTP has a reply for each (RFC 2033 section 4.2). */
enum content_end content_reply_one(struct transaction *t, struct outcome *o);

/* Not all of the content could be sent: no copy has arrived. */
enum content_end content_cut(struct transaction *t, int error, struct outcome *o);

/* A reply is missing since the commands and the content went out together.  Can the host have taken
 * the message? */
bool content_may_be_taken(const struct transaction *t, int error);

/* The content was sent before all replies to commands, and one of those makes no sense or is
 * missing. */
enum content_end content_unsure(struct transaction *t, int error, struct outcome *o);

#endif
