// SPDX-License-Identifier: ISC
/*
 * Routes that are left alone for a while, because their host will not let us log in: a wrong password is no
 * reason to return mail, and none to try it with each message until the account is locked.  One small text file,
 * state/frozen; without it, or after a change to the route's settings or its secret, they are tried at once.
 */
#ifndef RUNNER_FROZEN_H
#define RUNNER_FROZEN_H

#include "config/config.h"
#include "attempt/outcome.h"

#define FROZEN_MIN_S 300	/* doubled with each login that is refused, */
#define FROZEN_MAX_S 3600	/* up to this */
#define FROZEN_NAME  360

struct frozen {
	char name[FROZEN_NAME];		/* "route example.org", "sender anna@example.org" */
	uint64_t stamp;			/* of the settings and the secret that were refused */
	int64_t since_s, until_s, pause_s;
	bool told;			/* the operator, in this run */
	char why[OUTCOME_DETAIL + 302];	/* "mail.example[192.0.2.1]:587: 535 5.7.8 wrong password" */
};

struct frozen_list {
	int state_fd;			/* borrowed */
	bool written;			/* the file is as the list is */
	struct frozen *list;		/* malloc'ed */
	size_t n;
};

/* A missing file is an empty list; damaged lines and old ones are dropped. */
void frozen_load(struct frozen_list *f, int state_fd, int64_t now_s);
void frozen_done(struct frozen_list *f);

/* Is this route to be left alone now?  Its entry, or NULL. */
struct frozen *frozen_now(struct frozen_list *f, const struct route *r, int64_t now_s);

/* Its login was refused.  The entry, or NULL where it is frozen already (others have tried at the same time), or without
 * memory. */
struct frozen *frozen_add(struct frozen_list *f, const struct route *r, const struct outcome *o, int64_t now_s);

/* It works.  True if it had not. */
bool frozen_remove(struct frozen_list *f, const struct route *r);

/* Delete the file: whoever is at work forgets about it. */
void frozen_forget(int state_fd);

#endif
