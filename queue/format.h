// SPDX-License-Identifier: ISC
/*
 * The format of a queue file, for the queue's own parts only.  man/smtp-handler-queue.5
 * is its description; this is its code:
 *
 *	three lines of fixed width	written last, or changed in place
 *	lines "key: value" and recipients, ended by an empty line
 *	the content, as received	up to the size that line 1 tells
 *	the log				whatever follows
 */
#ifndef QUEUE_FORMAT_H
#define QUEUE_FORMAT_H

#include "queue/run.h"

/* The fixed lines while the message is being received: no digit of the size is there yet. */
#define QUEUE_FIXED_BLANK \
	"smtp-handler 1 size=---------------- envelope=-------- sum=----------------\n" \
	"content 8bit=- utf8=- dots=- binary=- crlf=- longest=----------\n" \
	"tried 0000 warned n\n"
#define QUEUE_FIXED  (sizeof(QUEUE_FIXED_BLANK) - 1)

/* What changes in place, and the ID, which may have to be picked anew. */
#define QUEUE_WARNED_AT (QUEUE_FIXED - 2)
#define QUEUE_TRIED_AT  (QUEUE_FIXED - sizeof("0000 warned n\n") + 1)
#define QUEUE_ID_KEY    "id: "
#define QUEUE_ID_AT     (QUEUE_FIXED + sizeof(QUEUE_ID_KEY) - 1)

/* A field that only takes up room. */
#define QUEUE_PAD_KEY	"pad: "

#define QUEUE_ENVELOPE_MAX (64U << 20)
#define QUEUE_TRIED_MAX    9999

/* The fixed lines as values. */
struct queue_fixed {
	uint64_t size, envelope, sum;
	struct queue_facts facts;
	unsigned attempts;
	bool warned;
};

/* text is QUEUE_FIXED octets, without a NUL. */
void queue_fixed_write(char *text, const struct queue_fixed *fixed);
/* 0, or -EBADMSG: damaged, or not filled in yet. */
int queue_fixed_parse(const char *text, struct queue_fixed *ret);

/*
 * Parse a whole envelope, fixed lines and empty line included.  Fills what belongs to the envelope; the slices point
 * into text, rcpts is malloc'ed (queue_unload, also after an error).  0, -EBADMSG or -ENOMEM.
 */
int queue_envelope_parse(struct slice text, struct queue_entry *e);

/* Of several mentions of one recipient all but the first become delivered, in e and in its file where it has one, so that
 * each gets one copy.  0 or -ENOMEM. */
int queue_drop_duplicates(struct queue_entry *e);

/* Two running sums over little-endian words; the last word is padded with zeros. */
void queue_sum_init(struct queue_sum *s);
void queue_sum_add(struct queue_sum *s, struct slice octets);
uint64_t queue_sum_end(struct queue_sum *s);

/* What octets that were replaced after they were added change in the sum; zeroed at first. */
struct queue_sum_change {
	uint32_t words, weighted;	/* differences, and differences by the number of their word */
};

/* n octets at `at`, counted from the first that was added, were `was` and are `now`. */
void queue_sum_change(struct queue_sum_change *c, uint64_t at, const char *was, const char *now, size_t n);
/* The sum of that many octets, with the change. */
uint64_t queue_sum_changed(uint64_t sum, const struct queue_sum_change *c, uint64_t octets);

#endif
