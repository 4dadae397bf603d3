// SPDX-License-Identifier: ISC
/*
 * The cost of guessing passwords.  Each failed login of a client makes its next refusal later, also
 * in other sessions: a file in the queue counts them.  A client gets one hash at a time, and all
 * clients together get a few: each may take 24 MB.
 */
#ifndef SESSION_LOGINS_H
#define SESSION_LOGINS_H

#include "net/peer.h"
#include "net/stream.h"

struct logins {
	int fd;				/* the file of counts; -1: this session counts alone */
	int64_t slot;			/* the client's, as an offset in the file */
	int64_t began_ms;		/* the start of this login */
	unsigned failures;		/* of this session */
};

/* Open the file of counts in tmp, the folder of a queue, before a sandbox closes it. */
void logins_hold(int tmp);

/* The file that logins_hold() has opened, borrowed; or -EBADF. */
int logins_counts(void);

/* Begin a login. */
void logins_begin(struct logins *l, const struct peer *peer);

/* Wait until no other session checks a password of this client, and fewer than `checks` sessions
 * check one of any client.  0; -ETIMEDOUT if that takes too long; or -errno of stream_wait(),
 * -ECONNRESET if the client is gone. */
int logins_wait(struct logins *l, struct stream *client, unsigned checks);

/* The password has been checked: the next session may go on. */
void logins_checked(struct logins *l);

/* Count a failure, and wait until its reply is due.  That does not depend on the time that the
 * check has taken, so it does not show which users there are. */
void logins_refused(struct logins *l, struct stream *client);

/* The time from the start of a login to its refusal, for that number of failures. */
unsigned logins_delay_ms(unsigned failures);

#endif
