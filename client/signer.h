// SPDX-License-Identifier: ISC
/*
 * A process that signs messages (RFC 6376), so that a worker needs no key.  It has the keys, and no
 * sockets but those to its worker and to the runner.  The runner decides which messages may be
 * signed: their permits (attempt/permit.h) bring them open for reading.
 */
#ifndef CLIENT_SIGNER_H
#define CLIENT_SIGNER_H

#include "base/aide.h"
#include "base/buf.h"
#include "config/config.h"

#define SIGNER_FIELDS_MAX (4 * 3000)	/* octets of all fields for one message */

struct sign_question {
	const char *id;			/* of the message */
	int copy;			/* the copy that is sent in its place; -1: itself */
	uint64_t size;			/* of the copy */
};

enum sign_result {
	SIGNED,
	UNSIGNED,		/* the message has no right to a signature, or can have none */
	UNABLE,			/* a signature is due, and cannot be made now */
};

/* Fork the process.  permits is its end of a SOCK_SEQPACKET to the runner, and is closed.  0 or
 * -errno. */
int signer_start(struct aide *a, const struct config *c, int permits);

/* Ask for the fields that go in front of the message.  They are appended to text if it is signed,
 * else the reason is.  After an error of the process a->fd is -1: it cannot be asked again. */
enum sign_result signer_ask(struct aide *a, const struct sign_question *q, struct buf *text);

/* For --check: can the keys be used?  Each mistake is reported; their number.  Credentials of a
 * unit exist only while it runs, so they may be missing. */
unsigned signer_check(const struct config *c, const struct config_report *report);

#endif
