// SPDX-License-Identifier: ISC
/*
 * Addresses at which no host answered, and the mail that waits for them.  When a host is back, its
 * mail is released before it is due.
 */
#ifndef RUNNER_ABSENT_H
#define RUNNER_ABSENT_H

#include "hosts/hosts.h"
#include "queue/run.h"

#define ABSENT_BACK 16		/* the most hosts that are remembered as back */

/* A list of addresses, shared by a destination and its messages. */
struct absent;

/* Hosts that are back and whose mail is still to be released. */
struct absent_back {
	char host[ABSENT_BACK][HOST_KEY];
	unsigned n;
};

/* Add an address to a list; *a may be NULL.  Without memory nothing is added. */
void absent_add(struct absent **a, const char *host);
/* Is the address in the list?  a may be NULL. */
bool absent_has(const struct absent *a, const char *host);
/* One more reference to the list. */
struct absent *absent_share(struct absent *a);
/* Drop a reference and set it to NULL. */
void absent_drop(struct absent **a);

/* List a message that waits until due_s with each of these hosts. */
void absent_list(const struct absent *a, const struct queue *q, const char *id, int64_t due_s);

/* Remember a host that is back.  If there are too many, its mail waits until it is due. */
void absent_is_back(struct absent_back *b, const char *host);
/* Release some of the mail that waits for the first of these hosts: its IDs go to one(), from cur/.
 * The last call for a host removes it from b.  0 or -errno. */
int absent_release(struct absent_back *b, const struct queue *q,
    bool (*one)(void *ctx, const char *id), void *ctx);

#endif
