// SPDX-License-Identifier: ISC
/*
 * The walls of a process that reads what strangers send: it may talk to its server and to the DNS,
 * and to nothing else.  No file can be opened.
 */
#ifndef VERIFY_CONFINE_H
#define VERIFY_CONFINE_H

/* Confine this process for good.  A wall that is missing is logged. */
void confine_connection(void);

/* A process that root started becomes the user smtp-verify, or nobody.  0 or -errno. */
int confine_become_user(void);

#endif
