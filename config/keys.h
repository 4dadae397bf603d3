// SPDX-License-Identifier: ISC
/*
 * The keys of [queue], [server] and [relay]: one table with the kind, the default and the
 * bounds of each.  [route] is route.h's.
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "config/config.h"

#define KEYS_MAX 48

/* Is it one of the three? */
bool keys_section(struct slice section);

/* The number of a key, below KEYS_MAX, or -1 where there is none. */
int keys_find(struct slice section, struct slice name);

/* All names of a section, with commas. */
void keys_names(struct slice section, struct buf *b);

/* Set one.  0; -EINVAL with what to do about it in why; -ENOMEM. */
int keys_set(struct config *c, int key, struct slice value, struct buf *why);

/* Set all to their defaults.  0 or -ENOMEM. */
int keys_defaults(struct config *c);

#endif
