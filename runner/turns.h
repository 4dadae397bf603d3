// SPDX-License-Identifier: ISC
/*
 * Jobs that wait for the answer of other machines: which moment of their destination they get.  No
 * answer is waited for longer than 0.2 s; then all of them get moments of this machine.
 */
#ifndef RUNNER_TURNS_H
#define RUNNER_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/destination.h"
#include "runner/rates.h"

/* A machine under load misses shorter times, and then breaks the rate; only these jobs wait. */
#define TURNS_ANSWER_US INT64_C(200000)
#define TURNS_START_US	INT64_C(500000)	/* the process connects to Redis meanwhile */

struct runner;

/* Zeros: none. */
struct turns {
	struct turn *first, **end;	/* in the order of the questions */
	size_t n, nasked;
	uint32_t number;		/* of the last question */
	int64_t since_us;		/* the last answer, or the first question after it */
};

/* The job waits for its moment.  0, or -ENOMEM: the job is still the caller's. */
int turns_add(struct runner *r, struct destination *d, struct job *job,
    const struct rates_line *line, const struct rates_wait *w, const struct rates_moment *m);

/* The answer to a question. */
void turns_given(struct runner *r, uint32_t number, int64_t after_us);

/* A rate is kept without other machines: that is reported once a run. */
void turns_alone(struct runner *r);

/* All jobs get moments of this machine, as there is no answer. */
void turns_own(struct runner *r);

/* Microseconds for which an answer is waited for; -1: for none; 0: it is late. */
int64_t turns_left_us(const struct runner *r);

/* Take all jobs of a message away. */
void turns_withdraw(struct runner *r, struct message *m);

/* Free all jobs. */
void turns_done(struct turns *t);

/* The recipients of a message wait as w says. */
void turns_defer(struct message *m, const uint32_t *rcpts, size_t n, const struct rates_wait *w);

#endif
