// SPDX-License-Identifier: ISC
/*
 * Which messages are meant: --sender, --recipient, --domain, --older-than, --younger-than, --state.  All that are given have
 * to match.
 */
#ifndef TOOLS_QUEUE_FILTER_H
#define TOOLS_QUEUE_FILTER_H

#include "queue/operator.h"

struct filter {
	const char *sender, *recipient, *domain;	/* NULL: any */
	int64_t older_s, younger_s;			/* -1: any */
	unsigned places;				/* of queue_walk; 0: any */
};

extern const struct filter filter_none;

/* Is anything asked for at all? */
bool filter_given(const struct filter *f);

/* Does it ask for what only a message can tell?  A file that is none then never matches. */
bool filter_reads(const struct filter *f);

/* "2d", "90min", as in the configuration: false when it is no time. */
bool filter_age(const char *text, int64_t *ret_s);
/* "new,waiting": false when there is no such state. */
bool filter_states(const char *text, unsigned *ret_places);
const char *filter_state_name(enum queue_place place);

/* Does pattern match all of text?  `*` is anything, `?` one octet, the rest itself without regard to case. */
bool filter_glob(struct slice pattern, struct slice text);

bool filter_matches(const struct filter *f, const struct queue_entry *e, int64_t now_us);

#endif
