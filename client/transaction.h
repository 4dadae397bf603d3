// SPDX-License-Identifier: ISC
/*
 * One message over one link: MAIL, RCPT, the content, and each recipient's outcome.  Private to the room.
 *
 *	client/transaction	from its begin to its end: what the result means, settled or left for the next link
 *	client/transaction_commands	commands out and replies in, up to DATA or BDAT
 *	client/transaction_content	the content, and the replies to it
 */
#ifndef CLIENT_TRANSACTION_H
#define CLIENT_TRANSACTION_H

#include "attempt/attempt.h"
#include "client/link.h"
#include "client/payload.h"

/* Of a recipient that is left, in the running transaction. */
enum rcpt_state {
	RCPT_LATER,			/* not in this transaction */
	RCPT_ASKED,
	RCPT_ACCEPTED,
	RCPT_AGAIN,			/* the peer takes no more at once */
	RCPT_UNFIT,			/* needs what this peer has not */
	RCPT_SETTLED,			/* and reported */
};

struct transaction {
	struct delivery *d;
	struct queue_entry *e;
	const struct payload *payload;	/* what this link carries: one of the next two */
	struct payload original, converted;
	int converted_fd;		/* of the converted copy; -1 until a peer needs it */
	uint32_t *left;			/* recipients nobody has heard of yet; malloc'ed */
	unsigned char *state;		/* of each of them: enum rcpt_state */
	size_t nleft;
	struct outcome why;		/* TRANSACTION_NEXT: what is wrong with this host (deferred) */
	struct outcome unfit;		/* what the last host lacked (failed) that could not carry it, or some of its recipients */
	bool any_unfit;
	bool lost;			/* the link broke when the content was out: somebody may have it (RFC 1047) */
	bool moved;			/* the peer does not want our IPv6 address, and there is another way to it */

	/* The running transaction: RSET, MAIL, a RCPT for each of left[0..asked), then DATA or BDAT. */
	struct smtp_link *link;
	size_t asked, accepted;
	size_t sent, heard;		/* commands (client/transaction_commands.c numbers them), and replies to them */
	bool chunked;			/* by BDAT */
	bool blind;			/* BDAT and the content behind the RCPTs, before their replies */
	bool mail_accepted;
	bool told_deadline;		/* MAIL said by when the sender wants it delivered */
	bool announced;			/* the first commands went ahead of their time  */
};

enum transaction_end {
	TRANSACTION_DONE,		/* something was settled; what is left may go over the same link, if it is still open */
	TRANSACTION_NEXT,		/* this host does not get further: another one for what is left */
	TRANSACTION_SPENT,		/* this session takes no more, a new one to the same host would */
	TRANSACTION_UNFIT,		/* this host cannot carry what is left: another one may, and if none does, t->unfit says why */
};

/* 0 or -ENOMEM. */
int transaction_init(struct transaction *t, struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);
void transaction_done(struct transaction *t);

/* Offer the message over l for all that are left. */
enum transaction_end transaction_run(struct transaction *t, struct smtp_link *l);

/* Is the reply in the link one to our IPv6 address, where there is another?  Then it settles nobody: t->moved is set, and
 * t->why. */
bool transaction_moves(struct transaction *t);

/* The same outcome for one; for all that are left. */
void transaction_settle(struct transaction *t, size_t i, const struct outcome *o);
void transaction_settle_rest(struct transaction *t, const struct outcome *o);

/* Why this message cannot go over this link, and the same for people to why; CAUSE_DELIVERED: it can. */
enum outcome_cause fit_message(const struct queue_entry *e, const struct payload *p, const struct smtp_link *l,
    struct buf *why);

/* The same for one recipient. */
enum outcome_cause fit_rcpt(const struct queue_rcpt *rcpt, const struct smtp_link *l, struct buf *why);

/* May another exchanger of the same domain carry what this one cannot? */
bool fit_elsewhere(enum outcome_cause cause);

/* client/transaction_commands.c: how many commands go out before a reply is waited for, where the peer offers PIPELINING.  The
 * replies to so many fit in any socket's buffers, so neither side can block the other. */
#define COMMANDS_GROUP 100

/* The first of a transaction, over this link. */
size_t commands_first(const struct smtp_link *l);
/* The first group leaves behind the content of another transaction.  0 or -errno. */
int commands_ahead(struct transaction *t, bool after_chunk);
/* What is sent and not yet answered goes into the transcript. */
void commands_record(struct transaction *t);
/* Is DATA or BDAT out? */
bool commands_all_sent(const struct transaction *t);
/* Has all before it been answered? */
bool commands_all_heard(const struct transaction *t);
/* Has MAIL been answered, and not by 2yz? */
bool commands_mail_refused(const struct transaction *t);
/* "RCPT TO": what the next reply answers, for people. */
const char *commands_name(const struct transaction *t);
/*
 * Commands out and replies in, until nothing more can be said: DATA or BDAT is out and all before it is answered, or there is nobody
 * to send the content to.  0; -ECONNABORTED: 421, in the link's reply; -errno as link_reply() and payload_send_chunk().
 */
int commands_run(struct transaction *t);

/* client/transaction_content.c, once DATA or BDAT is out: what follows it, its replies, and what they mean. */
enum transaction_end content_run(struct transaction *t);
/* Not all of the content could be sent: nobody has got it. */
enum transaction_end content_cut(struct transaction *t, int error);
/* It left before the replies to the commands were in, and one of those made no sense: who has not been refused may get it. */
enum transaction_end content_unsure(struct transaction *t, int error);

/* t's content is queued, and nobody is left to ask for: if the next message is known and may go over the same link, queue
 * what can be said of it. */
void ahead_announce(struct transaction *t);

/* The transaction of which so much is said already, the caller's to end and free; NULL: nothing was said of this message. */
struct transaction *ahead_take(struct delivery *d, const struct queue_entry *e);

/* Its link is gone or about to: it was never said. */
void ahead_drop(struct delivery *d);

#endif
