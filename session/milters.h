// SPDX-License-Identifier: ISC
/*
 * The filters of [server] milter, step by step, in their order.  A step returns true if the session
 * goes on; else *ret is the reply of the filter that refuses.  With no filter they do nothing.
 */
#ifndef SESSION_MILTERS_H
#define SESSION_MILTERS_H

#include "milter/milter.h"
#include "session/milter_link.h"
#include "smtp/reply.h"

struct session;

/* A filter wants the message discarded: its client gets a 250, and it is not stored. */
bool milters_discard(void);
void milters_discard_message(void);

/* Do the filters know the client? */
bool milters_met(void);

/* Each forgets a reply of the last one. */
bool milters_connect(struct session *s, struct smtp_reply *ret);
bool milters_helo(struct session *s, struct smtp_reply *ret);
bool milters_mail(struct session *s, struct smtp_reply *ret);
bool milters_rcpt(struct session *s, struct smtp_reply *ret);
bool milters_data(struct session *s, struct smtp_reply *ret);

/* Does the filter want that step of this message? */
bool milters_active(const struct milter_link *l, enum milter_step step);
/* One step of one filter, with the data of its packet. */
bool milters_step(struct session *s, struct milter_link *l, enum milter_step step,
    struct slice data, struct smtp_reply *ret);
/* Act on an answer that ends a step. */
bool milters_take(struct session *s, struct milter_link *l, enum milter_step step,
    const struct milter_answer *answer, struct smtp_reply *ret);
/* The filter broke the protocol in its edits. */
bool milters_broken(struct session *s, struct milter_link *l, const char *why,
    struct smtp_reply *ret);

/* The transaction is over, however it ended. */
void milters_message_end(void);
void milters_session_end(void);

#endif
