// SPDX-License-Identifier: ISC
/*
 * Numbers in a time, such as 100/1min, and the value of [server] user-rate: such a rate for all
 * users, and rates of users with names.
 */
#ifndef CONFIG_RATE_H
#define CONFIG_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define RATE_HELP "1 to 1000000 in 1s to 1d"

struct rate_value {
	uint64_t n;			/* 0: any number */
	uint64_t ms;
};

/* Read a rate, such as 100/1min.  False if it is none. */
bool rate_parse(struct slice text, struct rate_value *ret);

struct rate_word {
	struct slice text;
	struct slice user;		/* empty: all others */
	struct rate_value rate;
};

/* Take the next word of user-rate: RATE, USER=RATE or USER=any.  1, 0 at the end, -1: ret->text is
 * none. */
int rate_next(struct slice *rest, struct rate_word *ret);

/* The rate of a user by the value of user-rate, which is valid. */
struct rate_value rate_of_user(struct slice value, struct slice user);

#endif
