// SPDX-License-Identifier: ISC
/*
 * The reports of a session to its listener: the failures of its client, the client that a balancer
 * has named, and whether it makes progress.  Without a listener there are none.
 */
#ifndef SESSION_REMARKS_H
#define SESSION_REMARKS_H

#include "smtp/server.h"
#include "strangers/remark.h"

struct session;

struct remarks {
	int fd;			/* to the listener; -1: none */
	bool probing;		/* a transaction from the null path has recipients */
	bool idle;		/* reported: the client makes no progress */
	bool open;		/* a transaction has begun */
	bool abandoned;		/* a transaction ended, and no message was accepted since */
	bool content;		/* content is being read */
	int64_t progress_ms;	/* the time of the client's last progress */
	uint64_t from;		/* octets of the client before this content, or before progress */
	uint64_t octets;	/* of earlier content since the last progress */
};

/* Begin.  named: a balancer has named the client; this waits as remarks_named(). */
void remarks_begin(struct session *s, bool named);

/* A proxy or a balancer has named the client.  Wait until the listener has admitted it, or ends the
 * session.  If the listener cannot be told, STARTTLS is not offered. */
void remarks_named(struct session *s);

/* Report a failure of the client, unless it is exempt. */
void remarks_failed(const struct session *s, enum remark_kind kind);

/* MAIL, RCPT, VRFY or DATA was decided on. */
void remarks_decided(struct session *s, enum smtp_next what, const struct smtp_path *from,
    const struct smtp_reply *reply);

/* The transaction ends with a message, or without. */
void remarks_transaction_end(struct session *s, bool message);

/* The client has made progress: TLS begins, it has authenticated, or its message is accepted. */
void remarks_progress(struct session *s);
void remarks_accepted(struct session *s);

/* The client has to send a command from now on, or a content. */
void remarks_await_command(struct session *s);
void remarks_await_content(struct session *s);

#endif
