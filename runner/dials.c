// SPDX-License-Identifier: ISC
/*
 * Each worker has a short list of sites, and counts once at each of them.
 */
#include "runner/dials.h"

#include "runner/runner.h"

/* Takes over the reference. */
static void
enter(struct worker *w, struct site *site)
{
	w->sites[w->nsites++] = (struct worker_site){ site, w->foreign };
	site->workers++;
	site->foreign += w->foreign;
}

static void
leave(struct runner *r, struct worker *w, unsigned i)
{
	const struct worker_site left = w->sites[i];

	w->sites[i] = w->sites[--w->nsites];
	left.site->workers--;
	left.site->foreign -= left.foreign;
	destination_wake(&r->destinations, left.site);
	site_put(&r->destinations.sites, left.site);
}

static bool
uses(const struct worker *w, const struct site *site)
{
	for (unsigned i = 0; i < w->nsites; i++)
		if (w->sites[i].site == site)
			return true;
	return false;
}

/* Leaves all sites but these. */
static void
leave_others(struct runner *r, struct worker *w, const uint64_t *sites, size_t n)
{
	for (unsigned i = w->nsites; i-- > 0;) {
		size_t k = 0;

		while (k < n && sites[k] != w->sites[i].site->address)
			k++;
		if (k == n)
			leave(r, w, i);
	}
}

void
dials_reserve(struct runner *r, struct worker *w)
{
	struct site *site = w->destination->site;

	destination_sleep(w->destination);
	if (site)
		enter(w, site_get(&r->destinations.sites, site->address, site->most));
}

uint32_t
dials_allow(struct runner *r, struct worker *w, const uint64_t *sites, size_t n)
{
	const unsigned most = (unsigned)r->config->relay.per_address;
	struct destinations *ds = &r->destinations;
	struct site *next = NULL;	/* for the next worker of the destination */
	uint32_t allowed = 0;

	leave_others(r, w, sites, n);
	for (size_t i = 0; i < n; i++) {
		struct site *site = site_get(&ds->sites, sites[i], most);
		const bool room = !site || uses(w, site) || site_room(site, w->foreign);

		if (site && (!next || (room && !allowed))) {
			site->references++;
			site_put(&ds->sites, next);
			next = site;
		}
		if (room)
			allowed |= UINT32_C(1) << i;
		if (site && room && !uses(w, site))
			enter(w, site);
		else
			site_put(&ds->sites, site);
	}
	destination_set_site(ds, w->destination, next);
	site_put(&ds->sites, next);
	return allowed;
}

void
dials_settle(struct runner *r, struct worker *w, uint64_t site)
{
	leave_others(r, w, &site, 1);
}

void
dials_drop(struct runner *r, struct worker *w)
{
	leave_others(r, w, NULL, 0);
}
