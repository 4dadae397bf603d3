// SPDX-License-Identifier: ISC
/*
 * Sessions with exchangers as smtp-report(8) needs them: a line each in the text file
 * state/sessions/DAY.  The files are limited in number and size.  They are safe to delete, and mail
 * never depends on them.
 */
#ifndef RUNNER_TLS_RESULTS_H
#define RUNNER_TLS_RESULTS_H

#include "policy/tls_result.h"
#include "queue.h"

#define TLS_RESULTS_OCTETS_MAX (16 << 20)	/* of one day; further sessions are dropped */
#define TLS_RESULTS_DAYS	4		/* older files are removed */

struct tls_results {
	int fd;				/* of the file; 0: none is open */
	int64_t day;			/* of the file: days since 1970 */
	int64_t octets;			/* in the file */
};

/* Append the line of a session with an exchanger of a domain.  s must be valid. */
void tls_results_add(struct tls_results *t, const struct queue *q, struct slice domain,
    const struct tls_result *s, int64_t now_s);

/* Close the file. */
void tls_results_done(struct tls_results *t);

#endif
