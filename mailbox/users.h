// SPDX-License-Identifier: ISC
/*
 * The question whether a user of this machine exists.  A program with NSS answers it
 * (smtp-maildir --users): the session has neither NSS nor the files of users.
 */
#ifndef MAILBOX_USERS_H
#define MAILBOX_USERS_H

#include <stdint.h>

#include "base/slice.h"

#define USERS_VERSION	1
#define USERS_NAME_MAX	255

/* One message each way, over a connection of packets. */
struct users_question {
	uint32_t version;
	char name[USERS_NAME_MAX + 1];	/* ends in NUL */
};

enum users_verdict { USERS_NONE, USERS_EXISTS, USERS_TROUBLE };

struct users_answer {
	uint32_t version;
	uint32_t verdict;		/* enum users_verdict */
};

/* Ask the socket at path.  1, 0, or -errno: nobody answered in time, or the other end has trouble
 * itself (-EIO). */
int users_ask(const char *path, struct slice name);

#endif
