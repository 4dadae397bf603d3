// SPDX-License-Identifier: ISC
/*
 * The user that acts on the queue: its owner, also if root called.
 */
#ifndef TOOLS_QUEUE_USER_H
#define TOOLS_QUEUE_USER_H

/* Becomes the owner of the queue if root called, so that no file in it is root's.  0 or -errno. */
int user_become_owner(const char *directory);

#endif
