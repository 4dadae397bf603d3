// SPDX-License-Identifier: ISC
/*
 * The addresses that senders of this host have elsewhere: the file of [server] masquerade.
 */
#ifndef TOOLS_IMPORT_SENDERS_H
#define TOOLS_IMPORT_SENDERS_H

#include "tools/import/import.h"
#include "tools/import/index.h"

#define SENDERS_MAX 16384	/* lines of the file */

#define SENDERS_BY_HAND "write the lines NAME: ADDRESS into a file, and name it by masquerade in " \
	"[server]"
/* The other program rewrote mail of its clients, too. */
#define SENDERS_CLIENTS "mail of sendmail and of people who log in has these senders; for other " \
	"clients in trusted write submit-trusted = on into [server], which completes their " \
	"messages, too"
/* The other program rewrote mail on its way out only. */
#define SENDERS_STAY "mail for users of this host gets these senders, too: before, only mail " \
	"that left it had them"
/* The other program rewrote the reverse-path only. */
#define SENDERS_FIELDS "From, Sender and Reply-To with such an address get the new one, too, " \
	"also if a program gives it by sendmail -f: before, they stayed"

struct senders {
	struct import *im;
	struct senders_row *rows;	/* memory of malloc(3) */
	size_t n;
	struct index names;
	bool failed;		/* a reason why there must be no file; it is a note */
};

/* The import is borrowed. */
void senders_init(struct senders *s, struct import *im);

/* The domain of senders without one: [server] hostname, or this host's name by its files; or "". */
struct slice senders_host(struct import *im);

/* The address of a name in a line of another program.  It is a local part of this host, and never a
 * pattern.  False after a note. */
bool senders_add_user(struct senders *s, struct plan_at at, struct slice user,
    struct slice address);

/* The address of a name in our form: an address, a local part, @domain or "*".  False after a
 * note.  A name that a line above has is left out. */
bool senders_add(struct senders *s, struct plan_at at, struct slice name, struct slice address);

/*
 * Set masquerade, if there are lines.  `late`: the other program chose the way of a message by the
 * sender that it had before; if a [sender] would choose another way now, nothing is set.  False
 * without a file; the lines are gone in each case.
 */
bool senders_end(struct senders *s, struct plan_at at, bool late);

#endif
