// SPDX-License-Identifier: ISC
/*
 * Findings about messages are kept for reports: a file a day in a folder, a line a message.  Only
 * the listener writes there.  The process of a connection, which reads what strangers send, has no
 * file: it sends its lines to the listener.
 */
#ifndef VERIFY_FINDINGS_H
#define VERIFY_FINDINGS_H

#include "auth/finding.h"
#include "config/config.h"

#define FINDINGS_FILE_MAX (UINT64_C(64) << 20)	/* octets of one day; the rest is dropped */
#define FINDINGS_DAYS	  7			/* older files are removed */

struct findings {
	int folder, file;		/* -1: none */
	int in, out;			/* the ends of the listener and of processes; -1: none */
	int64_t day;			/* of the file, since 1970 */
	uint64_t octets;
	bool full;			/* that was logged */
};

/* Prepare, if reports are sent at all.  Trouble is logged, and nothing is kept then. */
void findings_open(struct findings *f, const struct config *c);

/* Keep what processes have sent. */
void findings_take(struct findings *f);

/* In the process of a connection: send there from now on, and close the rest. */
void findings_join(struct findings *f);
void findings_send(const struct finding *finding);

/* Does findings_send() do anything? */
bool findings_wanted(void);

#endif
