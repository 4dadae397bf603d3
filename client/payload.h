// SPDX-License-Identifier: ISC
/*
 * The content of one transaction: a list of parts, octets in memory or ranges of files, and the
 * facts that a peer must know of them.  A field can stand in front of a message without a copy
 * of the message.  Private to the room.
 */
#ifndef CLIENT_PAYLOAD_H
#define CLIENT_PAYLOAD_H

#include "client/link.h"
#include "queue/run.h"

#define PAYLOAD_PARTS 4		/* the last is for the line end that a chunk may lack */

/* The text of the outcome if a payload cannot be read. */
#define PAYLOAD_UNREADABLE "cannot read the message from the queue"

struct payload_part {
	const char *octets;		/* borrowed; NULL: a range of a file */
	int fd;				/* borrowed */
	uint64_t at;			/* where the range begins in the file */
	uint64_t size;
};

struct payload {
	struct payload_part parts[PAYLOAD_PARTS];
	size_t nparts;
	uint64_t size;			/* octets of all parts */
	struct queue_facts facts;	/* facts about the octets of all parts */
};

/* No parts yet; facts are those of all parts to come.  Whole lines in ASCII of which none begins
 * with a dot, such as a field in front of the message, change no fact. */
void payload_init(struct payload *p, const struct queue_facts *facts);
/* Append a part, so a field in front of the message is added first.  The octets, and the
 * descriptor, must outlive p. */
void payload_add_octets(struct payload *p, struct slice octets);
void payload_add_file(struct payload *p, int fd, uint64_t at, uint64_t size);

/* Read n octets at `at`, from as many parts as they lie in.  0; -EIO if the payload, or a file of
 * it, ends before them. */
int payload_read(const struct payload *p, uint64_t at, char *to, size_t n);

/* The BODY parameter of MAIL (RFC 6152, RFC 3030). */
enum smtp_body payload_body(const struct payload *p);
/* The number of octets that one chunk has (RFC 3030). */
uint64_t payload_chunk_size(const struct payload *p);

/*
 * Queue the payload on the link: after DATA with dots doubled and the final dot (RFC 5321 section
 * 4.5.2), or after BDAT unchanged.  The last octets leave with the next flush or the next wait for
 * a reply.  0 or -errno; -EIO is an error of our own disk.  After an error the link is closed.
 */
int payload_send_data(struct smtp_link *l, const struct payload *p);
int payload_send_chunk(struct smtp_link *l, const struct payload *p);

#endif
