// SPDX-License-Identifier: ISC
/*
 * The frames between a session and the process that asks Redis for it: a user sends mail, and
 * several machines count it together.  Each has a fixed size and one form.
 */
#ifndef SHARED_TALLY_H
#define SHARED_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_NAME_MAX	    255
#define TALLY_OCTETS	    (16 + TALLY_NAME_MAX)
#define TALLY_ANSWER_OCTETS 8
#define TALLY_MOST_MAX	    1000000
#define TALLY_TIME_MAX_S    86400

enum tally_what { TALLY_MESSAGES = 1, TALLY_RECIPIENTS, TALLY_RATE };

/* Count one more of what, unless the user has had as many since the time began. */
struct tally_query {
	uint32_t number;		/* that of the answer */
	enum tally_what what;
	uint32_t most, time_s;
	uint8_t n;			/* octets of the name, at least one */
	char name[TALLY_NAME_MAX];
};

enum tally_result {
	TALLY_FREE,			/* counted */
	TALLY_PASSED,			/* the user may have no more in this time */
	TALLY_PASSED_NOW,		/* and that is so for the first time in it */
	TALLY_UNKNOWN,			/* Redis has not replied */
};

struct tally_answer {
	uint32_t number;
	enum tally_result result;
};

/* Octets behind the name are not used. */
void tally_encode(const struct tally_query *q, unsigned char ret[TALLY_OCTETS]);
void tally_answer_encode(const struct tally_answer *a, unsigned char ret[TALLY_ANSWER_OCTETS]);

/* False if the octets are no such frame. */
bool tally_parse(const void *octets, size_t n, struct tally_query *ret);
bool tally_answer_parse(const void *octets, size_t n, struct tally_answer *ret);

#endif
