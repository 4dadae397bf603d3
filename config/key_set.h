// SPDX-License-Identifier: ISC
/*
 * One key of the table: its kind, its place, its default and its bounds.
 */
#ifndef CONFIG_KEY_SET_H
#define CONFIG_KEY_SET_H

#include <stddef.h>

#include "config/config.h"

#define KEY_NOWHERE SIZE_MAX	/* has but one value so far, and nobody asks for it; or the kind knows */

/* Units of bounds. */
#define KEY_SECOND UINT64_C(1000)
#define KEY_DAY	   (24 * 3600 * KEY_SECOND)
#define KEY_KIB	   UINT64_C(1024)
#define KEY_TIB	   (KEY_KIB * KEY_KIB * KEY_KIB * KEY_KIB)

enum key_kind {
	KIND_COUNT, KIND_SIZE, KIND_SECONDS, KIND_MS,
	KIND_CHOICE,
	KIND_DIRECTORY,
	KIND_FILE,		/* empty: none */
	KIND_TEXT,		/* a line to be said; empty: none */
	KIND_HOSTNAME,		/* empty: the host's own */
	KIND_TRUSTED, KIND_NETWORKS,
	KIND_RESOLVER, KIND_BIND,
	KIND_SECRETS,		/* words: paths or credentials; empty: none */
	KIND_AUTH,
};

struct key_choice {
	struct slice word;
	int value;
};

struct key {
	struct slice section, name;
	enum key_kind kind;
	size_t at;			/* in struct config */
	struct slice fallback;
	uint64_t min, max;		/* in the kind's unit; durations in ms */
	const struct key_choice *choices;	/* ended by an empty word */
};

/* Set it.  0; -EINVAL with what to do about it in why; -ENOMEM. */
int key_set(struct config *c, const struct key *k, struct slice value, struct buf *why);

#endif
