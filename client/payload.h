// SPDX-License-Identifier: ISC
/*
 * What travels as the content of one transaction: octets of a file, and what the peer must know of them.  They are the
 * queue file's own, or those of a converted copy: nobody here cares.  Private to the room.
 */
#ifndef CLIENT_PAYLOAD_H
#define CLIENT_PAYLOAD_H

#include "client/link.h"
#include "queue/run.h"

struct payload {
	int fd;				/* borrowed */
	uint64_t at, size;
	struct queue_facts facts;	/* of these octets */
	const char *stubborn;		/* why they cannot be made seven bits; NULL: not tried, or they are */
};

/* The message as it was received. */
void payload_init(struct payload *p, const struct queue_entry *e);

/* What MAIL has to say of it. */
enum smtp_body payload_body(const struct payload *p);
/* Octets on the wire as one chunk (RFC 3030). */
uint64_t payload_chunk_size(const struct payload *p);

/*
 * Queue it behind what is queued already, behind DATA with dots doubled and the final dot, or behind BDAT as it is; the last of
 * it leaves with the next link_flush() or reply waited for.  0 or -errno; -EIO is our own disk.  After an error the link is closed.
 */
int payload_send_data(struct smtp_link *l, const struct payload *p);
int payload_send_chunk(struct smtp_link *l, const struct payload *p);

#endif
