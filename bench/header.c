// SPDX-License-Identifier: ISC
/*
 * Contents on their way in: the CPU time that each takes, beside plain text.  A content is 1 MiB,
 * all of it such lines.  No row may cost more than seven times as much as plain text.  The rows are
 * the worst that are known; bench/header_search looks for others.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/chain.h"

#define OCTETS	   (1U << 20)
#define ROUNDS	   20
#define RATIO_MAX  7.0

static const struct content {
	const char *name, *line;	/* the line is repeated */
	unsigned times;			/* octets of FILL behind it */
	char fill;
} contents[] = {
	{ "plain text", "", 72, 'x' },
	{ "results of another server, 970 octets", "Authentication-Results: ", 970, 'x' },
	{ "results with our name and a letter", "Authentication-Results: mx.examplex", 0, 0 },
	{ "results with a name in UTF-8", "Authentication-Results: \303\244 ", 900, ' ' },
	{ "results with words in UTF-8", "Authentication-Results: \303\244 a b c d e f g h i j "
	    "k l m n o p q r s t u v w x y z a b c d e f g h i j k l m n o p q r s t u v w",
	    600, 'a' },
	{ "results with an open comment", "Authentication-Results: ((((", 900, '(' },
	{ "results with quoted pairs", "Authentication-Results: \"", 900, '\\' },
	{ "results without an end of blanks", "Authentication-Results: ", 900, ' ' },
	{ "fields that are almost results", "Authentication-Result:", 40, 'x' },
	{ "long names of fields", "x:", 900, 'x' },
	{ "blanks in front of the colon", "A", 900, ' ' },
	{ "one field of short lines", " x", 0, 0 },
	{ "the shortest fields", "a:", 0, 0 },
	{ "lines of a mailbox file", "From ", 20, 'x' },
	{ "lines of a dot", "..", 0, 0 },
	{ "empty lines", "", 0, 0 },
	{ "lines with a NUL", "\177", 1, '\0' },
	{ "fields behind dots", ".ts:", 0, 0 },
	{ "fields with blanks, behind dots", ".mpls                  : >From", 0, 0 },
};

#define CONTENTS (sizeof contents / sizeof contents[0])

static void
make_content(const struct content *c, struct buf *b)
{
	while (b->n + 2048 < b->cap) {
		buf_str(b, c->line);
		for (unsigned i = 0; i < c->times; i++)
			buf_chr(b, c->fill);
		buf_str(b, "\r\n");
	}
}

int
main(void)
{
	struct buf made[CONTENTS];
	double best_s[CONTENTS];
	int worse = 0;

	for (size_t i = 0; i < CONTENTS; i++) {
		made[i] = (struct buf){ .p = malloc(OCTETS), .cap = OCTETS };
		if (!made[i].p)
			return 1;
		make_content(&contents[i], &made[i]);
		best_s[i] = 1e9;
	}
	/* In turns: the speed of a shared machine changes. */
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < CONTENTS; i++) {
			const double s = chain_receive(buf_slice(&made[i]));

			if (s < best_s[i])
				best_s[i] = s;
		}
	for (size_t i = 0; i < CONTENTS; i++) {
		worse |= best_s[i] > RATIO_MAX * best_s[0];
		printf("%-44s %6.3f ms/MB %5.1f times plain text\n", contents[i].name,
		    best_s[i] * 1000 * 1e6 / (double)made[i].n, best_s[i] / best_s[0]);
		free(made[i].p);
	}
	return worse;
}
