// SPDX-License-Identifier: ISC
/*
 * Exchangers that have shown good certificates for a month.  If such a host suddenly shows none,
 * somebody on the way may want its mail in the clear.
 *
 * An attacker who controls the DNS or the way for a while cannot change that.  A host is learned by
 * good sessions on LEARNED_DAYS days that span LEARNED_S, and a bad one before that begins it anew.
 * After that, no number of bad sessions makes it forgotten; only LEARNED_FORGET_S without a good
 * one do.  A full table takes no name in place of one that is learned.
 */
#ifndef HOSTS_LEARNED_H
#define HOSTS_LEARNED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dns/resolver.h"

#define LEARNED_MAX	 2048
#define LEARNED_S	 (30 * 86400)
#define LEARNED_DAYS	 10
#define LEARNED_FORGET_S (60 * 86400)

struct learned_host {
	char name[DNS_NAME_MAX];
	/* Unix seconds: the first good session without a bad one after it, the last good one, and
	 * the last bad one of a learned host; 0: none. */
	int64_t first_s, good_s, bad_s;
	unsigned days;			/* days with good sessions */
};

struct learned {
	struct learned_host *list;	/* malloc'ed */
	size_t n, cap;
};

/* The entry of the host; NULL: nothing is known of it. */
const struct learned_host *learned_find(const struct learned *l, const char *name, int64_t now_s);

/* Has it shown good certificates for a month?  NULL is fine. */
bool learned_is(const struct learned_host *h);

/* Would a good session, or a bad one, change anything?  Each counts once a day. */
bool learned_counts(const struct learned *l, const char *name, bool good, int64_t now_s);

/* A session with the host was good or bad.  Returns whether that is worth saving.  A name that is
 * none is ignored. */
bool learned_add(struct learned *l, const char *name, bool good, int64_t now_s);

/* Add the lines of a file: "mx.example.org 1763787773 1766379773 24 0".  Damaged ones are
 * dropped. */
void learned_parse(struct learned *l, struct slice text);

/* Load the hosts from state/learned, and save those that are not forgotten. */
void learned_load(struct learned *l, int state_fd);
int learned_save(const struct learned *l, int state_fd, int64_t now_s);

void learned_done(struct learned *l);

#endif
