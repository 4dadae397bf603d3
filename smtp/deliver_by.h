// SPDX-License-Identifier: ISC
/*
 * BY, the parameter of DELIVERBY: within how many seconds a message is to be delivered, and what
 * happens if it is not (RFC 2852 section 4).  Pure.
 */
#ifndef SMTP_DELIVER_BY_H
#define SMTP_DELIVER_BY_H

#include "base/buf.h"

#define SMTP_BY_MAX_S INT64_C(999999999)

struct smtp_by {
	int64_t seconds;		/* 0 or less: the time is over, and the sender knows it */
	bool give_back;			/* mode R: return the message; else N: send a notice */
	bool trace;			/* a notice for each server that takes the message over */
};

/* Parse "120;R", "-5;NT".  Mode R needs time: "0;R" is not valid. */
bool smtp_by_parse(struct slice value, struct smtp_by *ret);
/* Parse the BY of an envelope.  False: it is not there, or not valid. */
bool smtp_by_of(struct slice mail_params, struct smtp_by *ret);
/* Take off the seconds that have passed.  Mode R keeps at least one (RFC 2852 section 4.1.4). */
void smtp_by_pass(struct smtp_by *by, int64_t seconds);
/* Add the value as text to b.  Seconds beyond nine digits become nine digits. */
void smtp_by_put(struct buf *b, const struct smtp_by *by);
/* Add the parameters to b, with this BY in place of theirs; NULL: without BY. */
void smtp_by_replace(struct buf *b, struct slice mail_params, const struct smtp_by *by);

#endif
