// SPDX-License-Identifier: ISC
/*
 * The value of BY (RFC 2852 section 4): within how many seconds a message is to be delivered, and what to do when that
 * cannot be.  Pure.
 */
#ifndef SMTP_DELIVER_BY_H
#define SMTP_DELIVER_BY_H

#include "base/buf.h"

#define SMTP_BY_MAX_S INT64_C(999999999)

struct smtp_by {
	int64_t seconds;		/* negative: the time is over, and the sender was told */
	bool give_back;			/* mode R, else N: tell the sender, and go on */
	bool trace;			/* tell the sender of each server that it is handed to */
};

/* "120;R", "-5;NT".  False also for mode R without any time left. */
bool smtp_by_parse(struct slice value, struct smtp_by *ret);
/* The same as text; what is beyond nine digits becomes nine digits. */
void smtp_by_put(struct buf *b, const struct smtp_by *by);

#endif
