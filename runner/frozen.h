// SPDX-License-Identifier: ISC
/*
 * Frozen routes: their login was refused, so they are left alone for a while.  A wrong password is
 * no reason to return mail, and another attempt with each message could lock the account.  The list
 * is a small text file, state/frozen.  A route is tried at once if the file is deleted, or if the
 * route's settings or its secret change.
 */
#ifndef RUNNER_FROZEN_H
#define RUNNER_FROZEN_H

#include "attempt/outcome.h"
#include "config/config.h"

#define FROZEN_MIN_S 300	/* the first pause; each refused login doubles it */
#define FROZEN_MAX_S 3600	/* the longest pause */
#define FROZEN_NAME  360

struct frozen {
	char name[FROZEN_NAME];		/* "route example.org", "sender anna@example.org" */
	uint64_t stamp;			/* hash of the settings and the secret that were refused */
	int64_t since_s, until_s, pause_s;
	bool reported;			/* to the operator, in this run */
	/* A credential of the unit is missing, as in a run by hand: for this run only. */
	bool not_stored;
	char
	    why[OUTCOME_DETAIL + 302]; /* "mail.example[192.0.2.1]:587: 535 5.7.8 wrong password" */
};

struct frozen_list {
	int state_fd;			/* borrowed */
	bool written;			/* the file has the same entries as the list */
	struct frozen *list;		/* malloc'ed */
	size_t n;
};

/* Read the file.  A missing file is an empty list; damaged and old lines are dropped. */
void frozen_load(struct frozen_list *f, int state_fd, int64_t now_s);
/* Free the list; the file stays. */
void frozen_done(struct frozen_list *f);

/* The entry of a route that is frozen now, or NULL. */
struct frozen *frozen_now(struct frozen_list *f, const struct route *r, int64_t now_s);

/* Freeze a route whose login was refused.  Its entry; NULL without memory, or if another worker's
 * refusal has frozen it already. */
struct frozen *frozen_add(struct frozen_list *f, const struct route *r, const struct outcome *o,
    int64_t now_s);
/* Remove the entry of a route that works.  False if there was none. */
bool frozen_remove(struct frozen_list *f, const struct route *r);

/* Freeze or thaw a route by the outcome of a job.  True if the operator must learn of it: then
 * *ret is the new entry, or NULL for a route that works again. */
bool frozen_update(struct frozen_list *f, const struct route *r, const struct outcome *o,
    int64_t now_s, const struct frozen **ret);
/* Must the operator still learn of this entry?  True once in a run. */
bool frozen_first_report(struct frozen *e);
/* The outcome of a recipient that is not tried, because its route is frozen. */
void frozen_outcome(const struct frozen *e, struct outcome *ret);

/* Delete the file.  A runner at work then tries all routes again. */
void frozen_forget(int state_fd);

#endif
