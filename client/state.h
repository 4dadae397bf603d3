// SPDX-License-Identifier: ISC
/*
 * The client keeps this from one message of a destination to the next: an open link, and what it
 * has learned of the peer.  Private to the room.
 */
#ifndef CLIENT_STATE_H
#define CLIENT_STATE_H

#include "client/link.h"
#include "client/refusals.h"
#include "hosts/hosts.h"
#include "net/tls.h"

struct transaction;

/* A fact that one connection to a host has shown.  It is true if the next one goes well without
 * that; else something else was wrong. */
struct client_suspicion {
	char key[HOST_KEY];		/* as in struct smtp_link; "": none */
	enum host_event event;
};

struct client_state {
	struct tls_client tls;		/* for all links */
	struct smtp_link *link;		/* kept between messages; NULL: none */
	/* Transaction of the next message whose commands are sent already; NULL: none. */
	struct transaction *ahead;
	/* For the current message: no host is spared TLS, as one took no mail without. */
	bool tls_again;
	/* Send no commands ahead, and no content before the replies to its commands: a kept link
	 * has ended at that. */
	bool one_by_one;
	bool slow;			/* a host replies late over a new link, too */
	struct refusals refusals;	/* of MAIL, in a row */
	bool cut;			/* the host closed the last session, and took nothing */
	/* Send no BDAT: the peer announced CHUNKING and refused BDAT as unknown. */
	bool by_data;
	struct client_suspicion suspicion;
	char tls_broke[HOST_KEY];	/* the key of the last host that closed at TLS */
};

#endif
