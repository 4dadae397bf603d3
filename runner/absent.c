// SPDX-License-Identifier: ISC
/*
 * Lists of absent hosts are short and reference-counted.  The queue stores which messages wait for
 * which host, so that a later run finds them too.
 */
#include "runner/absent.h"

#include <stdlib.h>
#include <string.h>

#include "queue/by_host.h"

#define HOSTS_EACH 4		/* addresses in one list */
#define BATCH      64		/* messages released at a time */

struct absent {
	unsigned users;
	unsigned n;
	char host[HOSTS_EACH][HOST_KEY];
};

bool
absent_has(const struct absent *a, const char *host)
{
	for (unsigned i = 0; a && i < a->n; i++)
		if (strcmp(a->host[i], host) == 0)
			return true;
	return false;
}

void
absent_add(struct absent **a, const char *host)
{
	if (!*a && (*a = calloc(1, sizeof **a)))
		(*a)->users = 1;
	if (*a && (*a)->n < HOSTS_EACH && !absent_has(*a, host))
		memcpy((*a)->host[(*a)->n++], host, HOST_KEY);
}

struct absent *
absent_share(struct absent *a)
{
	a->users++;
	return a;
}

void
absent_drop(struct absent **a)
{
	if (*a && --(*a)->users == 0)
		free(*a);
	*a = NULL;
}

void
absent_list(const struct absent *a, const struct queue *q, const char *id, int64_t due_s)
{
	for (unsigned i = 0; i < a->n; i++)
		(void)queue_by_host_add(q, a->host[i], due_s, id);
}

void
absent_is_back(struct absent_back *b, const char *host)
{
	for (unsigned i = 0; i < b->n; i++)
		if (strcmp(b->host[i], host) == 0)
			return;
	if (b->n < ABSENT_BACK)
		memcpy(b->host[b->n++], host, HOST_KEY);
}

int
absent_release(struct absent_back *b, const struct queue *q,
    bool (*one)(void *ctx, const char *id), void *ctx)
{
	int n;

	if (b->n == 0)
		return 0;
	n = queue_by_host_take(q, b->host[0], BATCH, one, ctx);
	if (n > 0)
		return 0;
	b->n--;
	memmove(b->host[0], b->host[1], b->n * sizeof b->host[0]);
	return n;
}
