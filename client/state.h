// SPDX-License-Identifier: ISC
/*
 * The client keeps this from one message of a destination to the next: an open link, and what it
 * has learned of the peer.  Private to the room.
 */
#ifndef CLIENT_STATE_H
#define CLIENT_STATE_H

#include "client/link.h"
#include "client/refusals.h"
#include "net/tls.h"

struct transaction;

struct client_state {
	struct tls_client tls;		/* for all links */
	struct smtp_link *link;		/* kept between messages; NULL: none */
	/* Transaction of the next message whose commands are sent already; NULL: none. */
	struct transaction *ahead;
	/* For the current message: no host is spared TLS, as one took no mail without. */
	bool tls_again;
	bool one_by_one;		/* send no commands ahead: that has broken a connection */
	struct refusals refusals;	/* of MAIL, in a row */
	bool cut;			/* the host closed the last session, and took nothing */
	/* Send no BDAT: the peer announced CHUNKING and refused BDAT as unknown. */
	bool by_data;
};

#endif
