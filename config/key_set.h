// SPDX-License-Identifier: ISC
/*
 * One row of the table of keys, and how the text of a value gets into its place.
 */
#ifndef CONFIG_KEY_SET_H
#define CONFIG_KEY_SET_H

#include <stddef.h>

#include "config/config.h"

/* Units of min and max. */
#define KEY_SECOND UINT64_C(1000)
#define KEY_DAY	   (24 * 3600 * KEY_SECOND)
#define KEY_KIB	   UINT64_C(1024)
#define KEY_TIB	   (KEY_KIB * KEY_KIB * KEY_KIB * KEY_KIB)

enum key_kind {
	KIND_COUNT, KIND_SIZE, KIND_SECONDS, KIND_MS,
	KIND_CHOICE,
	KIND_DIRECTORY,		/* with specifiers (config/specifier.h) */
	KIND_FILE,		/* empty: none */
	KIND_TEXT,		/* part of a line of the protocol; empty: none */
	KIND_HOSTNAME,		/* empty: the name of this machine */
	KIND_NETWORKS,
	KIND_RESOLVER, KIND_BIND,	/* addresses: with ports, without */
	KIND_SECRETS,		/* words: paths or credentials; empty: none */
	KIND_MILTERS,		/* places of filters (config/milter.h); empty: none */
	KIND_RATES,		/* rates of users (config/rate.h); empty: none */
	KIND_REDIS,		/* a place (config/redis.h); empty: none */
	KIND_EXEMPT,		/* networks and domains (config/exempt.h); empty: none */
	KIND_DNSBL,		/* lists of addresses (config/dnsbl.h); empty: none */
	KIND_AUTH,		/* sets server.auth and, at its place, server.auth_target */
};

struct key_choice {
	struct slice word;
	int value;
};

struct key {
	struct slice section, name;
	enum key_kind kind;
	size_t at;			/* offset of the setting in struct config */
	struct slice fallback;		/* the default */
	uint64_t min, max;		/* numbers: octets, ms, or a plain count */
	const struct key_choice *choices;	/* KIND_CHOICE: an empty word ends them */
};

/* Put a value into the place of k.  0; -EINVAL with what to do about it in why; -ENOMEM. */
int key_set(struct config *c, const struct key *k, struct slice value, struct buf *why);

/* Free the value at the place of k. */
void key_done(struct config *c, const struct key *k);

#endif
