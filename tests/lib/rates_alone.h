// SPDX-License-Identifier: ISC
/*
 * A rate that no other machine shares.
 */
#ifndef TESTS_LIB_RATES_ALONE_H
#define TESTS_LIB_RATES_ALONE_H

#include "runner/rates.h"

/* May a message go now?  Otherwise w gets how it waits. */
static bool
ask_alone(struct rates *r, const struct rates_line *line, struct rates_wait *w, int64_t now_us)
{
	struct rates_moment m;
	const enum rates_reply reply = rates_look(r, line, w, now_us, &m);

	return reply == RATES_DUE ? rates_take(r, line, w, &m, now_us) : reply == RATES_GO;
}

#endif
