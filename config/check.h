// SPDX-License-Identifier: ISC
/*
 * What config.c knows while it reads, and the checks that need all of it.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/keys.h"
#include "config/route.h"
#include "config/settings.h"

/* Where a route and its keys were written. */
struct route_places {
	struct place section, keys[ROUTE_KEYS];
};

struct config_loader {
	struct config *c;
	struct settings settings;
	struct place keys[KEYS_MAX];
	struct route_places *routes;	/* beside c->routes */
	size_t current;			/* the route of the last setting */
};

/* All is read: report what does not fit together or cannot work, and fill in what depends on other settings. */
void config_check(struct config_loader *l);

#endif
