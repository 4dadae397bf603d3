// SPDX-License-Identifier: ISC
/*
 * A report as mail: text for people, and a compressed file.  It goes into the queue like any
 * message; the runner signs it with the key of its author's domain.
 */
#ifndef REPORTS_LETTER_H
#define REPORTS_LETTER_H

#include "queue/run.h"

struct letter {
	const char *from, *to;		/* addresses in ASCII */
	const char *subject;		/* it is folded at its blanks */
	const char *id;			/* for Message-ID, with an @ */
	const char *multipart;		/* such as "mixed" */
	const char *const *fields;	/* further ones; NULL ends them */
	const char *const *text;	/* lines; NULL ends them */
	const char *type, *file_name;
	struct slice file;
};

/* The size of a letter with such a file, roughly; not less than it has. */
uint64_t letter_octets(const struct letter *l);

/* Queue a letter.  0: it is durable, and ret_id has its queue ID.  Or -errno. */
int letter_send(const struct queue *q, const struct letter *l, char ret_id[QUEUE_ID_SIZE]);

#endif
