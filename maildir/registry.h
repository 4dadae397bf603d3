// SPDX-License-Identifier: ISC
/*
 * The registry: it answers sessions whether a user exists (mailbox/users).
 */
#ifndef MAILDIR_REGISTRY_H
#define MAILDIR_REGISTRY_H

#include <stdint.h>

/* Answer the questions that come in at a listening socket, several at a time: a directory server
 * may be slow.  Returns 0 after idle_s without a question (0: never), or -errno. */
int registry_serve(int listener, uint64_t min_uid, unsigned idle_s);

#endif
