// SPDX-License-Identifier: ISC
/*
 * The user who calls.
 */
#ifndef TOOLS_SENDMAIL_CALLER_H
#define TOOLS_SENDMAIL_CALLER_H

#include <stdbool.h>

#include "base/buf.h"

#define CALLER_NAME_MAX 256

/* Adds the login name: of the user database, else of LOGNAME or USER.  False if there is none that
 * can stand in an address. */
bool caller_login(struct buf *b);

/* Adds the full name: NAME of the environment, else of the user database.  Nothing if there is
 * none. */
void caller_full_name(struct buf *b);

#endif
