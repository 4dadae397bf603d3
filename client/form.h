// SPDX-License-Identifier: ISC
/*
 * The form in which a message goes over a link: the octets as they are in the queue, or in seven
 * bits for a peer that takes no others.  All octets that we add to an outgoing message, or change
 * in it, are added here.  Private to the room.
 */
#ifndef CLIENT_FORM_H
#define CLIENT_FORM_H

#include "attempt/attempt.h"
#include "client/payload.h"

struct form {
	const struct delivery *d;	/* borrowed */
	const struct queue_entry *e;	/* borrowed */
	struct payload content;		/* as it is in the queue */
	struct payload plain, converted;	/* as they are sent; without parts: not made yet */
	char *signatures[2];		/* of both, malloc'ed; NULL: it has none */
	int converted_fd;		/* file of the converted copy; -1 until a peer needs it */
	const char *unconvertible;	/* why the last peer gets no other form; NULL: it does */
};

/* The forms of e for the destination of d.  Both must outlive f; form_done() must follow. */
void form_init(struct form *f, const struct delivery *d, const struct queue_entry *e);
void form_done(struct form *f);

/*
 * *ret is the payload for this peer, which lives as long as f.  It is the plain one also if the
 * peer does not take it, or its lines are too long, and the message has no other form:
 * f->unconvertible has the reason.  False if the form cannot be made for a fault of ours: *ret_why
 * is the outcome.
 */
bool form_for(struct form *f, const struct client_offer *peer, const struct payload **ret,
    struct outcome *ret_why);

#endif
