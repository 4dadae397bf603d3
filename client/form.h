// SPDX-License-Identifier: ISC
/*
 * The form in which a message goes over a link: the octets as they are in the queue, or in seven
 * bits for a peer that takes no others.  All octets that we add to an outgoing message, or change
 * in it, are added here.  Private to the room.
 */
#ifndef CLIENT_FORM_H
#define CLIENT_FORM_H

#include "client/payload.h"

struct form {
	struct payload plain, converted;
	int converted_fd;		/* of the converted copy; -1 until a peer needs it */
	const char *unconvertible;	/* why; NULL: it may have a form in seven bits */
};

/* The forms of e, whose descriptor must outlive f.  form_done() must follow. */
void form_init(struct form *f, const struct queue_entry *e);
void form_done(struct form *f);

/*
 * *ret is the payload for this peer, which lives as long as f.  It is the plain one also if the
 * peer does not take it and no other can be made: f->unconvertible has the reason.  0; -EIO if the
 * message cannot be read; -errno.  The transcript gets a line about a conversion.
 */
int form_for(struct form *f, const struct client_offer *peer, struct transcript *transcript,
    const struct payload **ret);

#endif
