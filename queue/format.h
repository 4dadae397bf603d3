// SPDX-License-Identifier: ISC
/*
 * The format of a queue file, for the files of queue/ and queue.c only.  man/smtp-handler-queue.5
 * describes it:
 *
 *	three lines of fixed width	written last, or changed in place
 *	lines "key: value" and recipients, ended by an empty line
 *	the content, as received	up to the size given in line 1
 *	the log				the rest of the file
 */
#ifndef QUEUE_FORMAT_H
#define QUEUE_FORMAT_H

#include "queue/run.h"

/* The fixed lines while the message is being received: the size has no digits yet. */
#define QUEUE_FIXED_BLANK \
	"smtp-handler 1 size=---------------- envelope=-------- sum=----------------\n" \
	"content 8bit=- utf8=- dots=- binary=- crlf=- longest=----------\n" \
	"tried 0000 warned n\n"
#define QUEUE_FIXED  (sizeof(QUEUE_FIXED_BLANK) - 1)

/* Offsets of the octets that change in place, and of the ID, which may be chosen again. */
#define QUEUE_WARNED_AT (QUEUE_FIXED - 2)
#define QUEUE_TRIED_AT  (QUEUE_FIXED - sizeof("0000 warned n\n") + 1)
#define QUEUE_ID_KEY    "id: "
#define QUEUE_ID_AT     (QUEUE_FIXED + sizeof(QUEUE_ID_KEY) - 1)

/* A field that only takes up room. */
#define QUEUE_PAD_KEY	"pad: "

#define QUEUE_ENVELOPE_MAX (64U << 20)
#define QUEUE_RCPTS_MAX    50000	/* as many as [server] max-recipients allows */
#define QUEUE_TRIED_MAX    9999

/* The fixed lines as values. */
struct queue_fixed {
	uint64_t size, envelope, sum;
	struct queue_facts facts;
	unsigned attempts;
	bool warned;
};

/* Write the fixed lines.  text holds QUEUE_FIXED octets, without a NUL. */
void queue_fixed_write(char *text, const struct queue_fixed *fixed);

/* Does a line begin with that word and a path?  Splits "<path> PARAMS"; the line may end in LF. */
bool queue_path_of(struct slice line, struct slice word, struct slice *ret_path,
    struct slice *ret_params);

/* Parse the fixed lines.  0; -EBADMSG if they are damaged or not filled in yet. */
int queue_fixed_parse(const char *text, struct queue_fixed *ret);

/*
 * Parse a whole envelope, from the fixed lines to the empty line.  Fills the members of e that the
 * envelope holds.  The slices point into text; rcpts is malloc'ed, so queue_unload() must follow,
 * also after an error.  0, -EBADMSG or -ENOMEM.
 */
int queue_envelope_parse(struct slice text, struct queue_entry *e);

/* The same for an envelope without part->lines.  The lines of the part's recipients are in their
 * place.  -EBADMSG also if there are other recipients. */
int queue_envelope_parse_part(struct slice text, const struct queue_part *part,
    struct queue_entry *e);

/* If a recipient occurs several times, mark all but the first as delivered, so that it gets one
 * copy.  The marks go to e and to its open file, if it has one.  0 or -ENOMEM. */
int queue_drop_duplicates(struct queue_entry *e);

/* The proof that a file is a whole message, in steps: its size may be anything. */
struct queue_proof {
	struct queue_fixed fixed;
	struct queue_sum sum;
	uint64_t at;		/* octets from here on are not in the sum yet */
};

/* Start the proof of an open file of that size with its envelope.  0; -EBADMSG if it is not a whole
 * message; -errno. */
int queue_proof_begin(int fd, off_t size, struct queue_proof *ret);

/* Add the next piece of the content.  1 if more is left, 0 if the file is a whole message; -EBADMSG
 * if it is not; -errno. */
int queue_proof_step(int fd, struct queue_proof *p);

/* Read the envelope of an open file.  *ret_text is malloc'ed, and its first `have` octets are left
 * to the caller.  0; -EBADMSG if it cannot be an envelope; -errno. */
int queue_envelope_read(int fd, uint64_t envelope, size_t have, char **ret_text);

/* Start a check sum: two running sums over little-endian words. */
void queue_sum_init(struct queue_sum *s);

/* Add octets to the sum. */
void queue_sum_add(struct queue_sum *s, struct slice octets);

/* Add that many zeros to the sum.  The cost does not depend on their number. */
void queue_sum_zeros(struct queue_sum *s, uint64_t n);

/* The sum.  An incomplete last word is padded with zeros. */
uint64_t queue_sum_end(struct queue_sum *s);

/* Add to the correction: n octets at offset `at` were `was` and are `now`.  Offset 0 is the first
 * octet that was added to the sum. */
void queue_sum_change(struct queue_sum_change *c, uint64_t at, const char *was, const char *now,
    size_t n);

/* Apply the correction to a sum of that many octets. */
uint64_t queue_sum_changed(uint64_t sum, const struct queue_sum_change *c, uint64_t octets);

#endif
