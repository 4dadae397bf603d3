// SPDX-License-Identifier: ISC
/*
 * The standing of a client: what it may do beyond handing in mail for this machine.  The session
 * decides it once, and the envelope keeps it, because a reverse-path proves nothing.
 */
#ifndef BASE_STANDING_H
#define BASE_STANDING_H

#include <stdbool.h>

#include "base/slice.h"

enum standing {
	STANDING_STRANGER,	/* neither trusted nor authenticated */
	STANDING_USER,		/* authenticated; the reverse-path may be another's */
	STANDING_OWNER,		/* authenticated, and the reverse-path is the user's own */
	STANDING_TRUSTED,	/* in [server] trusted, or this machine itself */
};

#define STANDINGS (STANDING_TRUSTED + 1)

/* The word for it, such as "stranger". */
const char *standing_word(enum standing standing);

/* Has such a client authenticated as somebody? */
bool standing_has_user(enum standing standing);

/* "stranger", "trusted", "user NAME" or "owner NAME".  False if it is nothing of these.  *ret_user
 * points into text; without a user it is empty. */
bool standing_parse(struct slice text, enum standing *ret, struct slice *ret_user);

#endif
