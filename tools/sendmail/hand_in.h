// SPDX-License-Identifier: ISC
/*
 * A session with the handler of this host, over its socket: messages are handed in, addresses are
 * verified.
 */
#ifndef TOOLS_SENDMAIL_HAND_IN_H
#define TOOLS_SENDMAIL_HAND_IN_H

#include "smtp/client_offer.h"
#include "tools/sendmail/people.h"

struct mail {
	struct slice sender;		/* path without brackets; empty: the null path */
	struct slice notify;		/* value of NOTIFY (RFC 3461), or empty */
	struct slice params;		/* RET and ENVID, or empty */
	struct slice front;		/* fields to put on top, each with its line end, or empty */
	struct letter letter;
	struct people people;
};

struct desk {
	const char *socket;		/* its path */
	bool verbose;			/* print the dialogue on stderr */
	/* Results of desk_hand_in(). */
	bool no_user;			/* a refused address does not exist */
	/* The rest is its own. */
	int fd;
	struct client_offer offer;
	struct smtp_peer_reply reply;
};

enum hand_in {
	HAND_IN_SENT,		/* to all */
	HAND_IN_REFUSED,	/* for some for good, or for all of them */
	HAND_IN_LATER,		/* for some for now, and refused for nobody */
};

/* Connect and greet.  True; or false after the reason was printed: nothing can be sent for now. */
bool desk_open(struct desk *d);
/* Send QUIT and close; harmless if it is not open. */
void desk_close(struct desk *d);

/* Hand the mail in for each person who is PERSON_OPEN.  Prints each refusal.  Those who stay
 * PERSON_OPEN can be tried later. */
enum hand_in desk_hand_in(struct desk *d, struct mail *m);

/* Ask for each person with VRFY, and print the replies.  True if none was refused. */
bool desk_verify(struct desk *d, const struct people *p);

/* Carry octets between standard input and output and the socket until either ends (-bs).  False if
 * there is no connection. */
bool desk_carry(struct desk *d);

#endif
