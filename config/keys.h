// SPDX-License-Identifier: ISC
/*
 * The keys of [queue], [server] and [relay]; config/route has those of [route] and [sender].
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "config/config.h"

#define KEYS_MAX 96

/* Is it one of these three sections? */
bool keys_section(struct slice section);

/* The number of a key, below KEYS_MAX; -1 if there is none. */
int keys_find(struct slice section, struct slice name);

/* The names of all keys of a section, with commas between them. */
void keys_names(struct slice section, struct buf *b);

/* Set one key.  0; -EINVAL with what to do about it in why; -ENOMEM. */
int keys_set(struct config *c, int key, struct slice value, struct buf *why);

/* Set all keys to their defaults.  0 or -ENOMEM. */
int keys_defaults(struct config *c);

/* Free the values of all keys. */
void keys_done(struct config *c);

#endif
