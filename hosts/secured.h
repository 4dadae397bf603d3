// SPDX-License-Identifier: ISC
/*
 * Names of exchangers, and of domains, that had proven records of DANE.  If answers of the DNS
 * cannot be validated, mail for these waits: who removes signatures on the way wants it in the
 * clear.
 */
#ifndef HOSTS_SECURED_H
#define HOSTS_SECURED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dns/resolver.h"

#define SECURED_MAX 4096	/* the name that was seen first is dropped for a new one */
#define SECURED_S   (30 * 86400)

struct secured_name {
	char name[DNS_NAME_MAX];
	int64_t seen_s;			/* unix seconds */
};

struct secured {
	struct secured_name *list;	/* malloc'ed, sorted by name */
	size_t n, cap;
};

/* Is it a name as dns/name.h has them? */
bool secured_name_valid(const char *name);

/* Note that a name has such records at now_s.  Names that are none are ignored.  Returns whether
 * that is worth saving: it is new, or a day has passed. */
bool secured_add(struct secured *s, const char *name, int64_t now_s);

/* Is the name one that was seen in the last SECURED_S? */
bool secured_has(const struct secured *s, const char *name, int64_t now_s);

/* Has it been noted within a day, so that there is nothing to add? */
bool secured_fresh(const struct secured *s, const char *name, int64_t now_s);

/* Add the lines of a file: "mx.example.org 1763787773".  Damaged ones are dropped. */
void secured_parse(struct secured *s, struct slice text);

/* Load the names from state/dane, and save those that were seen in the last SECURED_S. */
void secured_load(struct secured *s, int state_fd);
int secured_save(const struct secured *s, int state_fd, int64_t now_s);

void secured_done(struct secured *s);

#endif
