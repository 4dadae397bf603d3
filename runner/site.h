// SPDX-License-Identifier: ISC
/*
 * Sites: addresses of exchangers, with the workers that use them.  Any number of domains can have
 * the same exchanger, so destinations with one address share its workers.
 */
#ifndef RUNNER_SITE_H
#define RUNNER_SITE_H

#include <stdbool.h>

#include "runner/ring.h"

#define SITE_BUCKETS 1024	/* buckets of the hash by address */

struct site {
	struct site *next;		/* the next one of the hash bucket */
	uint64_t address;		/* as host_site() gives it (hosts/hosts.h) */
	unsigned most;			/* workers that it may have */
	unsigned workers;
	unsigned foreign;		/* those of them for bounces and mail of strangers */
	unsigned woken;			/* destinations that may now have a worker here */
	unsigned references;		/* of workers and destinations */
	struct ring waiting;		/* destinations that wait for a worker to leave */
};

struct sites {
	struct site *buckets[SITE_BUCKETS];
};

/* The site of an address, with one reference more; NULL without memory.  A new one may have `most`
 * workers. */
struct site *site_get(struct sites *s, uint64_t address, unsigned most);
/* Drop a reference; NULL is fine. */
void site_put(struct sites *s, struct site *site);

/* May one more worker use it?  A quarter of its workers is not for foreign mail. */
bool site_room(const struct site *site, bool foreign);

#endif
