// SPDX-License-Identifier: ISC
/*
 * Who acts on the queue: its owner, whoever has called.
 */
#ifndef TOOLS_QUEUE_USER_H
#define TOOLS_QUEUE_USER_H

/* Called by root, become the owner of the queue, so that nothing in it becomes root's.  0 or -errno. */
int user_become_owner(const char *directory);

#endif
