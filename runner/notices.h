// SPDX-License-Identifier: ISC
/*
 * The notices that a message's sender gets at the end of a run, collected by kind and then sent.
 */
#ifndef RUNNER_NOTICES_H
#define RUNNER_NOTICES_H

#include "notice/bounce.h"

struct runner;
struct sheet;

struct notices {
	struct {
		struct bounce_rcpt *rcpts;
		size_t n;
	} of[NOTICE_KINDS];
	struct bounce_rcpt *space;
};

/* Allocate room for nrcpts recipients.  0 or -ENOMEM. */
int notices_init(struct notices *n, size_t nrcpts);
/* Free the room. */
void notices_done(struct notices *n);

/* Add a recipient.  The outcome is borrowed until notices_send(). */
void notices_add(struct notices *n, enum notice_kind action, uint32_t rcpt,
    const struct outcome *o);

/* Let processes queue the notices, then mark their recipients; s is open.  Returns the number of
 * recipients whose notice is required and could not be queued.  If such a process dies, *ret_deaths
 * is the number of deaths with this message. */
size_t notices_send(struct runner *r, struct sheet *s, const struct notices *n, int *ret_deaths);

#endif
