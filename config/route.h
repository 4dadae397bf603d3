// SPDX-License-Identifier: ISC
/*
 * The sections [route] and [sender]: their patterns, and their keys.
 */
#ifndef CONFIG_ROUTE_H
#define CONFIG_ROUTE_H

#include "config/config.h"

enum route_key {
	ROUTE_VIA, ROUTE_HOST_ORDER, ROUTE_TLS, ROUTE_USER, ROUTE_PASSWORD_FILE,
	ROUTE_TOKEN_COMMAND,
	ROUTE_SENDER_KEYS,	/* a [sender] has the keys above only */
	ROUTE_ACCEPT = ROUTE_SENDER_KEYS, ROUTE_RECIPIENTS, ROUTE_ALIASES, ROUTE_SUBADDRESS,
	ROUTE_JUNK_FOLDER, ROUTE_VERP, ROUTE_RATE,
	ROUTE_KEYS
};

#define ROUTE_SENDER_KEY_NAMES "via, host-order, tls, user, password-file, token-command"
#define ROUTE_KEY_NAMES ROUTE_SENDER_KEY_NAMES ", accept, recipients, aliases, subaddress, " \
	"junk-folder, verp, rate"
#define ROUTE_USER_MAX	    255
#define ROUTE_COMMAND_WORDS 32	/* in a token-command */
#define ROUTE_COMMAND_MAX   1000

/* The key of that name; false if there is none. */
bool route_key(struct slice name, enum route_key *ret);

/* Is it a pattern of [route]: "example.org", ".example.org", "[192.0.2.1]" or "*"? */
bool route_pattern_valid(struct slice pattern);

/* Is it a pattern of [sender]: "anna@example.org", "example.org" or ".example.org"? */
bool route_sender_valid(struct slice pattern);

/* The pattern in the form in which patterns are compared: in lower case, with A-labels.  In memory
 * of the pool; NULL without memory. */
char *route_pattern(struct slice pattern);

/* Set one key.  0; -EINVAL with what to do about it in why; -ENOMEM. */
int route_set(struct route *r, enum route_key key, struct slice value, struct buf *why);

/* Set accept if it was not written: anyone if mail ends here and the pattern names domains. */
void route_settle(struct route *r);

void route_done(struct route *r);

#endif
