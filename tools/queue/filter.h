// SPDX-License-Identifier: ISC
/*
 * Filters over messages: --sender, --recipient, --domain, --older-than, --younger-than, --state.
 * A message matches if all given filters match.
 */
#ifndef TOOLS_QUEUE_FILTER_H
#define TOOLS_QUEUE_FILTER_H

#include "queue/operator.h"

struct filter {
	const char *sender, *recipient, *domain;	/* NULL: any */
	int64_t older_s, younger_s;			/* -1: any */
	unsigned places;				/* bits as for queue_walk(); 0: any */
};

extern const struct filter filter_none;

/* Is any filter set? */
bool filter_given(const struct filter *f);

/* Does a filter need the envelope?  A file without a valid one then never matches. */
bool filter_reads(const struct filter *f);

/* Parses "2d" or "90min", as the configuration does; false if the text is not a time. */
bool filter_age(const char *text, int64_t *ret_s);
/* Parses "new,waiting"; false if a state is unknown. */
bool filter_states(const char *text, unsigned *ret_places);
const char *filter_state_name(enum queue_place place);

/* Does pattern match all of text?  `*` matches any octets, `?` one octet; case is ignored. */
bool filter_glob(struct slice pattern, struct slice text);

bool filter_matches(const struct filter *f, const struct queue_entry *e, int64_t now_us);

#endif
