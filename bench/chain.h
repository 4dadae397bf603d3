// SPDX-License-Identifier: ISC
/*
 * The way of a content in, without descriptors: from the decoder of DATA through the filters of a
 * stranger's session to the store.
 */
#ifndef BENCH_CHAIN_H
#define BENCH_CHAIN_H

#include <time.h>

#include "message/facts.h"
#include "message/mend.h"
#include "message/results.h"
#include "queue/format.h"
#include "smtp/data.h"

#define CHAIN_CHUNK 16384

static struct chain {
	struct mend mend;
	struct results results;
	struct facts facts;
	struct queue_sum sum;
	char store[65536];
} chain;

static void
chain_store(void *ctx, struct slice octets)
{
	(void)ctx;
	facts_content(&chain.facts, octets);
	queue_sum_add(&chain.sum, octets);
	for (; octets.n; octets = slice_skip(octets, octets.n < sizeof chain.store ? octets.n :
	    sizeof chain.store))
		memcpy(chain.store, octets.p,
		    octets.n < sizeof chain.store ? octets.n : sizeof chain.store);
}

static void
chain_put_results(void *ctx, struct slice octets)
{
	(void)ctx;
	results_content(&chain.results, octets);
}

static double
chain_cpu_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds of CPU time for the content. */
static double
chain_receive(struct slice content)
{
	static char decoded[2 * CHAIN_CHUNK];
	const double start_s = chain_cpu_s();
	struct smtp_data data;

	smtp_data_init(&data, SMTP_CRLF);
	facts_begin(&chain.facts);
	queue_sum_init(&chain.sum);
	results_begin(&chain.results, SL("mx.example"), chain_store, NULL);
	mend_begin(&chain.mend, chain_put_results, NULL);
	/* A dot may end it, and a bare CR or LF is refused. */
	while (content.n > 2 && !data.done && !data.bare) {
		size_t used, n;

		n = smtp_data_decode(&data,
		    slice_of(content.p, content.n < CHAIN_CHUNK ? content.n : CHAIN_CHUNK),
		    decoded, &used);
		mend_content(&chain.mend, slice_of(decoded, n));
		content = slice_skip(content, used);
	}
	mend_end(&chain.mend);
	results_end(&chain.results);
	facts_end(&chain.facts);
	return chain_cpu_s() - start_s;
}

#endif
