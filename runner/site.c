// SPDX-License-Identifier: ISC
/*
 * A hash of sites by address.  A site is freed with its last reference.
 */
#include "runner/site.h"

#include <stdlib.h>

#include "base/hash.h"

static struct site **
bucket_of(struct sites *s, uint64_t address)
{
	return &s->buckets[hash_octets(HASH_START, &address, sizeof address) % SITE_BUCKETS];
}

struct site *
site_get(struct sites *s, uint64_t address, unsigned most)
{
	struct site **bucket = bucket_of(s, address), *site;

	for (site = *bucket; site && site->address != address; site = site->next)
		;
	if (!site) {
		site = calloc(1, sizeof *site);
		if (!site)
			return NULL;
		site->address = address;
		site->most = most;
		site->next = *bucket;
		*bucket = site;
	}
	site->references++;
	return site;
}

void
site_put(struct sites *s, struct site *site)
{
	struct site **at;

	if (!site || --site->references)
		return;
	for (at = bucket_of(s, site->address); *at != site; at = &(*at)->next)
		;
	*at = site->next;
	free(site);
}

bool
site_room(const struct site *site, bool foreign)
{
	return site->workers < site->most &&
	    !(foreign && site->foreign >= site->most - site->most / 4);
}
