// SPDX-License-Identifier: ISC
/*
 * A program that prints a token, for XOAUTH2.  Private to the room.
 */
#ifndef CLIENT_TOKEN_H
#define CLIENT_TOKEN_H

#include "base/buf.h"

#define TOKEN_TIMEOUT_MS 30000

/*
 * Run a command without a shell; blanks separate its words.  Put its standard output into b, which
 * is secret.  0; or -errno with the reason in why: the command cannot be started, or its exit
 * status is not 0.  Or it takes longer than timeout_ms, or it writes more than fits.  The last line
 * of its standard error is quoted in why.
 */
int token_run(const char *command, int timeout_ms, struct buf *b, struct buf *why);

#endif
