// SPDX-License-Identifier: ISC
/*
 * Contents on their way in: the CPU time that each takes from the decoder of DATA to the store,
 * with the filters of a stranger's session, beside plain text.  No header may cost more than five
 * times as much.  A content is 20 MB, and its first 2 MB are such lines: a header section has a
 * limit, and its cost by the octet is higher.  The rows are the worst that are known.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "message/facts.h"
#include "message/mend.h"
#include "message/results.h"
#include "queue/format.h"
#include "smtp/data.h"

#define OCTETS	   (20U << 20)
#define HEADER	   (2U << 20)		/* the rest is plain text */
#define CHUNK	   16384
#define ROUNDS	   3
#define RATIO_MAX  5.0

static const struct content {
	const char *name, *line;	/* the line is repeated */
	unsigned times;			/* octets of FILL behind it */
	char fill;
} contents[] = {
	{ "plain text", "", 72, 'x' },
	{ "results of another server, 970 octets", "Authentication-Results: ", 970, 'x' },
	{ "results with our name and a letter", "Authentication-Results: mx.examplex", 0, 0 },
	{ "results with an open comment", "Authentication-Results: ((((", 900, '(' },
	{ "results with quoted pairs", "Authentication-Results: \"", 900, '\\' },
	{ "results without an end of blanks", "Authentication-Results: ", 900, ' ' },
	{ "fields that are almost results", "Authentication-Result:", 40, 'x' },
	{ "long names of fields", "x:", 900, 'x' },
	{ "blanks in front of the colon", "A", 900, ' ' },
	{ "one field of short lines", " x", 0, 0 },
	{ "the shortest fields", "a:", 0, 0 },
	{ "lines of a mailbox file", "From ", 20, 'x' },
};

static struct chain {
	struct mend mend;
	struct results results;
	struct facts facts;
	struct queue_sum sum;
	size_t n;
	char store[65536];
} chain;

static void
store(void *ctx, struct slice octets)
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
put_results(void *ctx, struct slice octets)
{
	(void)ctx;
	results_content(&chain.results, octets);
}

static double
cpu_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds of CPU time for the content. */
static double
receive(struct slice content)
{
	static char decoded[2 * CHUNK];
	const double start_s = cpu_s();
	struct smtp_data data;

	smtp_data_init(&data, SMTP_CRLF);
	facts_begin(&chain.facts);
	queue_sum_init(&chain.sum);
	results_begin(&chain.results, SL("mx.example"), store, NULL);
	mend_begin(&chain.mend, put_results, NULL);
	while (content.n > 2) {
		size_t used, n;

		n = smtp_data_decode(&data,
		    slice_of(content.p, content.n < CHUNK ? content.n : CHUNK), decoded, &used);
		mend_content(&chain.mend, slice_of(decoded, n));
		content = slice_skip(content, used);
	}
	mend_end(&chain.mend);
	results_end(&chain.results);
	facts_end(&chain.facts);
	return cpu_s() - start_s;
}

static void
add_lines(const struct content *c, size_t octets, struct buf *b)
{
	while (b->n + 2048 < octets) {
		buf_str(b, c->line);
		for (unsigned i = 0; i < c->times; i++)
			buf_chr(b, c->fill);
		buf_str(b, "\r\n");
	}
}

static void
make_content(const struct content *c, struct buf *b)
{
	b->n = 0;
	add_lines(c, HEADER, b);
	add_lines(&contents[0], OCTETS, b);
}

int
main(void)
{
	char *space = malloc(OCTETS);
	struct buf b = { .p = space, .cap = OCTETS };
	double plain_s = 0;
	int worse = 0;

	if (!space)
		return 1;
	for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
		double best_s = 1e9, s;

		make_content(&contents[i], &b);
		for (int round = 0; round < ROUNDS; round++)
			if ((s = receive(buf_slice(&b))) < best_s)
				best_s = s;
		if (i == 0)
			plain_s = best_s;
		worse |= best_s > RATIO_MAX * plain_s;
		printf("%-44s %6.3f ms/MB %5.1f times plain text\n", contents[i].name,
		    best_s * 1000 * 1e6 / (double)b.n, best_s / plain_s);
	}
	free(space);
	return worse;
}
