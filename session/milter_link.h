// SPDX-License-Identifier: ISC
/*
 * The connection to one filter.  Calls block, within times that the caller sets.
 */
#ifndef SESSION_MILTER_LINK_H
#define SESSION_MILTER_LINK_H

#include "config/config.h"
#include "config/milter.h"
#include "milter/milter.h"

struct milter_link {
	struct milter_place place;
	int fd;				/* -1: closed */
	const char *trouble;		/* why the filter is of no use any more; NULL: it is */
	bool session_over, message_over;	/* it has accepted: it wants nothing more */
	bool skips_body;
	bool reported;			/* trouble is in the log */
	bool in_message;		/* it has seen a part of a message */
	struct milter milter;
	struct buf out;
	struct slice unread;		/* in space_in */
	char space_in[16384];
	char space_out[5 + 2 * MILTER_DATA_MAX];
};

/*
 * Connect to all filters of a configuration, or start them: before the sandbox, and once.  A
 * session of a listener starts none.  Errors are in trouble.
 */
void milter_links_open(const struct config *config, bool of_listener);
/* The filters, in their order. */
struct milter_link *milter_links(size_t *ret_n);

/* Negotiate the options. */
void milter_link_agree(struct milter_link *l, int timeout_ms);
/* Send what is in l->out. */
void milter_link_send(struct milter_link *l, int timeout_ms);
/* The next answer to the step: each MILTER_WORKING before it renews the time.  After trouble the
 * kind is MILTER_BROKEN. */
void milter_link_answer(struct milter_link *l, enum milter_step step, int timeout_ms,
    struct milter_answer *ret);
/* The filter is of no use any more, because of why. */
void milter_link_fail(struct milter_link *l, const char *why);
/* End the conversation. */
void milter_link_close(struct milter_link *l);

#endif
