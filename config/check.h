// SPDX-License-Identifier: ISC
/*
 * The state of loading a configuration, and the checks that need all of it.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/dkim.h"
#include "config/keys.h"
#include "config/route.h"
#include "config/settings.h"

/* The places where a route and its keys were written. */
struct route_places {
	struct place section, keys[ROUTE_KEYS];
};

struct dkim_places {
	struct place section, keys[DKIM_KEYS];
};

struct config_loader {
	struct config *c;
	struct settings settings;
	struct place keys[KEYS_MAX];
	struct route_places *routes;	/* in step with c->routes */
	size_t current;			/* index of the route of the last setting */
	struct dkim_places *dkim;	/* in step with c->dkim */
};

/* Report settings that do not fit together or cannot work, after all are read.  Fill in the values
 * that depend on others. */
void config_check(struct config_loader *l);

#endif
