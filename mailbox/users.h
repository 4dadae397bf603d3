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

/* One message each way, over a connection of packets, which stays open for further questions. */
struct users_question {
	uint32_t version;
	uint32_t id;			/* the answer has the same */
	char name[USERS_NAME_MAX + 1];	/* ends in NUL */
};

enum users_verdict { USERS_NONE, USERS_EXISTS, USERS_TROUBLE };

struct users_answer {
	uint32_t version;
	uint32_t id;
	uint32_t verdict;		/* enum users_verdict */
};

/* Connect to the registry at path, for all later questions: a sandbox forbids that.  A failure is
 * the result of each question.  NULL: there is no registry. */
void users_hold(const char *path);
void users_close(void);

/* 1, 0, or -errno: nobody answered in time, or the registry has trouble itself (-EIO).  If the
 * registry ends, its users cannot be asked any more. */
int users_ask(struct slice name);

#endif
