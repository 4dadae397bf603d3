// SPDX-License-Identifier: ISC
/*
 * A process that starts smtp-fetch for workers, which may start no program.  Workers of one domain
 * share a fetch.  It has nothing of the queue.
 */
#ifndef FETCH_FETCHER_H
#define FETCH_FETCHER_H

#include "base/aide.h"
#include "base/slice.h"
#include "config/options.h"

#define FETCHER_ARGUMENTS_MAX (2 * OPTIONS_OVERRIDES_MAX + 6)

struct fetcher_setup {
	/* smtp-fetch with its options; the domain goes behind them. */
	const char *argv[FETCHER_ARGUMENTS_MAX];
	size_t n;			/* 0: this machine has no smtp-fetch */
	const char *queue;		/* the queue's folder, where policies are kept */
};

/* Prepare for the program beside this one, with the options of this one.  False if it is not there:
 * s->n is 0 then. */
bool fetcher_find(struct fetcher_setup *s, const struct options *options,
    const struct config *config);

/* Fork the process, which lives as long as a copy of a->fd is open.  setup must live as long.  0 or
 * -errno. */
int fetcher_start(struct aide *a, const struct fetcher_setup *setup);

/* A pair of sockets for one question: a worker makes it before its walls go up. */
struct fetcher_pair {
	int own, other;
};

/* 0 or -errno. */
int fetcher_pair(struct fetcher_pair *ret);

/* Let the policy of a domain be fetched, and wait for the end of it, at most wait_ms.  The pair is
 * closed.  A descriptor of what is then known of the domain; -errno: nothing is, or it took too
 * long. */
int fetcher_ask(const struct aide *a, const struct fetcher_pair *pair, struct slice domain,
    int wait_ms);

#endif
