// SPDX-License-Identifier: ISC
/*
 * The numbers of the protocol, and one row for each step.  Private to the room.
 */
#ifndef MILTER_PROTOCOL_H
#define MILTER_PROTOCOL_H

#include "milter/milter.h"

#define MILTER_VERSION	6
#define MILTER_OLDEST	2

enum {				/* actions of a filter */
	MILTER_MAY_ADD_FIELD = 0x1,
	MILTER_MAY_CHANGE_BODY = 0x2,
	MILTER_MAY_ADD_RCPT = 0x4,
	MILTER_MAY_DROP_RCPT = 0x8,
	MILTER_MAY_CHANGE_FIELD = 0x10,
	MILTER_MAY_QUARANTINE = 0x20,
	MILTER_MAY_CHANGE_SENDER = 0x40,
	MILTER_MAY_ADD_RCPT_PARAMS = 0x80,
	MILTER_MAY_LIST_MACROS = 0x100,
	MILTER_ACTIONS = 0x1ff,
};

enum {				/* steps that a filter does not want, or does not answer */
	MILTER_CAN_SKIP = 0x400,
	MILTER_REFUSED_RCPT = 0x800,	/* not offered: filters see accepted recipients only */
	MILTER_KEEP_BLANK = 0x100000,
	MILTER_OFFERED = 0x1fffff & ~MILTER_REFUSED_RCPT,
};

struct milter_row {
	char command;
	uint32_t unwanted, unanswered;	/* bits */
	int list;			/* the number of its list of macros; -1: none */
	struct slice macros;		/* the usual ones */
};

extern const struct milter_row milter_rows[MILTER_STEPS];

#endif
