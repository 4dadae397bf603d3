// SPDX-License-Identifier: ISC
/*
 * The questions to the DNS that the checks of one message ask, and their answers.  All questions
 * that are known are open at once.
 */
#ifndef VERIFY_ANSWERS_H
#define VERIFY_ANSWERS_H

#include "auth/ask.h"
#include "dns/resolver.h"

#define ANSWERS_MAX 256

struct answers {
	struct dns_batch *batch;
	int64_t until_ms;
	size_t n;
	bool over;			/* the time is over */
	struct answers_slot {
		char name[DNS_NAME_MAX];
		enum auth_type type;
		bool asked, known;
		struct dns_question question;
		struct auth_answer answer;
		struct auth_record *records;	/* malloc'ed */
	} slots[ANSWERS_MAX];
};

/* Begin; all answers come within timeout_ms.  r is borrowed until answers_end(). */
void answers_begin(struct answers *a, const struct dns_resolver *r, int timeout_ms);

/* The interface for the checks; it points to a. */
struct auth_dns answers_dns(struct answers *a);

/* Ask what was noted, and wait for one more answer.  After the time is over, all questions fail, so
 * that the checks come to their ends. */
void answers_wait(struct answers *a);

/* Forget all answers.  Safe to call again. */
void answers_end(struct answers *a);

#endif
