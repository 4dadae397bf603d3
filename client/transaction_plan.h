// SPDX-License-Identifier: ISC
/*
 * What a transaction is to be, before a word is said.  Private to the room.
 */
#ifndef CLIENT_TRANSACTION_PLAN_H
#define CLIENT_TRANSACTION_PLAN_H

#include "client/transaction.h"

enum plan {
	PLAN_READY,		/* t says it all */
	PLAN_SPENT,		/* this session takes no more; a new one to the same host would */
	PLAN_UNFIT,		/* this peer cannot carry what is left: t->unfit says why */
	PLAN_HOPELESS,		/* nor could another of the domain */
	PLAN_BROKEN,		/* something here failed */
};

/* A transaction for those of t that are left, over l. */
enum plan plan_make(struct transaction *t, struct smtp_link *l);

#endif
