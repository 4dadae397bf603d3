// SPDX-License-Identifier: ISC
/*
 * The recipients of a message.
 */
#ifndef TOOLS_SENDMAIL_PEOPLE_H
#define TOOLS_SENDMAIL_PEOPLE_H

#include "smtp/address.h"
#include "tools/sendmail/letter.h"

#define PEOPLE_MAX 50000

enum person_state {
	PERSON_OPEN,		/* not asked for yet, or to be tried again later */
	PERSON_ASKED,		/* accepted in the transaction that is open */
	PERSON_SENT,
	PERSON_REFUSED,
};

struct person {
	char *path;		/* canonical, without brackets; a local part alone is one of ours */
	enum person_state state;
};

struct people {
	struct person *list;	/* owned */
	size_t n;
	bool utf8;		/* some address holds octets above 127 */
};

/* Add each mailbox of a list; one that is there already is not added again.  0; -ENOMEM; -E2BIG
 * above PEOPLE_MAX; -EINVAL with the first bad part in *ret_bad, after all others were added. */
int people_add(struct people *p, struct slice list, struct slice *ret_bad);

/* Add the mailboxes of To, Cc and Bcc; of a message that is sent again, those of its Resent-
 * fields.  As people_add(). */
int people_of_header(struct people *p, const struct letter *l, struct slice *ret_bad);

size_t people_count(const struct people *p, enum person_state state);
void people_done(struct people *p);

#endif
