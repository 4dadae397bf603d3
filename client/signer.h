// SPDX-License-Identifier: ISC
/*
 * A process that signs messages (RFC 6376), so that a worker needs no key.  It has the keys, and no
 * sockets but the one to its worker; of a message it has the descriptor, and it can write nothing.
 */
#ifndef CLIENT_SIGNER_H
#define CLIENT_SIGNER_H

#include "base/aide.h"
#include "base/buf.h"
#include "config/config.h"

#define SIGNER_FIELDS_MAX (4 * 3000)	/* octets of all fields for one message */

struct sign_question {
	int fd;				/* of the message */
	uint64_t at, size;		/* its octets as they are sent */
	enum standing standing;		/* of the client that handed it in */
	struct slice from;		/* the reverse-path */
};

enum sign_result {
	SIGNED,
	UNSIGNED,		/* the message has no right to a signature, or can have none */
	UNABLE,			/* a signature is due, and cannot be made now */
};

/* Fork the process.  0 or -errno. */
int signer_start(struct aide *a, const struct config *c);

/* Ask for the fields that go in front of the message.  They are appended to text if it is signed,
 * else the reason is. */
enum sign_result signer_ask(const struct aide *a, const struct sign_question *q, struct buf *text);

/* For --check: can the keys be used?  Each mistake is reported; their number.  Credentials of a
 * unit exist only while it runs, so they may be missing. */
unsigned signer_check(const struct config *c, const struct config_report *report);

#endif
