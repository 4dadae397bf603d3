// SPDX-License-Identifier: ISC
/*
 * header_search [SECONDS [SEED]] - looks for the header that costs the most CPU time.  It changes
 * a few lines, which are repeated up to 1 MiB, and keeps what is worse.  Prints each find, beside
 * plain text; exits with 1 if the worst costs more than seven times as much.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/chain.h"

#define OCTETS	   (1U << 20)
#define LINES_MAX  2000			/* octets of the lines that are repeated */
#define RATIO_MAX  7.0
#define STALE	   400			/* changes without a find; then it begins anew */

static const struct slice tokens[] = {
	S("\r\n"), S(" "), S("\t"), S("a"), S("a:"), S("A: b\r\n"), S(" x\r\n"), S(":"), S("\0"),
	S("("), S(")"), S("\""), S("\\"), S(";"), S("."), S("\377"), S("\303\266"), S("\v"),
	S("Authentication-Results"), S("Authentication-Results:"), S("Authentication-Results: "),
	S("mx.example"), S("mx.exampl"), S("Received"), S("Received:"), S("From "), S(">From "),
	S("Bcc:"), S("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), S("                "), S("\r\n\r\n"),
	S("((((((((((((((((((((((((((((((((((((((("), S("..\r\n"), S("x:\r\n"), S(":\r\n"),
};

struct lines {
	char octets[LINES_MAX];
	size_t n;
};

static char plain_space[OCTETS], made_space[OCTETS];

static void
fill(struct buf *b, struct slice lines)
{
	b->n = 0;
	while (lines.n && b->n + lines.n + 2 < b->cap)
		buf_add(b, lines);
	buf_str(b, "\r\n");
}

/* The cost beside that of plain text: the best of so many rounds, in turns. */
static double
ratio_of(const struct lines *lines, unsigned rounds)
{
	static struct buf plain = BUF(plain_space), made = BUF(made_space);
	double plain_s = 1e9, made_s = 1e9;

	if (plain.n == 0)
		fill(&plain, SL("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"));
	if (lines->n == 0)
		return 0;
	fill(&made, slice_of(lines->octets, lines->n));
	for (unsigned i = 0; i < rounds; i++) {
		const double p = chain_receive(buf_slice(&plain));
		const double m = chain_receive(buf_slice(&made));

		plain_s = p < plain_s ? p : plain_s;
		made_s = m < made_s ? m : made_s;
	}
	return made_s / (double)made.n / (plain_s / (double)plain.n);
}

static size_t
below(size_t n)
{
	return n ? (size_t)rand() % n : 0;
}

/* Put octets at a place. */
static void
insert(struct lines *l, size_t at, struct slice octets)
{
	char copy[LINES_MAX];

	if (octets.n == 0 || l->n + octets.n > LINES_MAX)
		return;
	memcpy(copy, octets.p, octets.n);	/* they may be from l */
	memmove(l->octets + at + octets.n, l->octets + at, l->n - at);
	memcpy(l->octets + at, copy, octets.n);
	l->n += octets.n;
}

static void
change(struct lines *l)
{
	const size_t at = below(l->n + 1), n = below(l->n - at + 1);

	switch (below(4)) {
	case 0:				/* remove a part */
		memmove(l->octets + at, l->octets + at + n, l->n - at - n);
		l->n -= n;
		break;
	case 1:				/* double a part */
		insert(l, at, slice_of(l->octets + at, n));
		break;
	default:
		insert(l, at, tokens[below(sizeof tokens / sizeof tokens[0])]);
	}
}

static void
show(const struct lines *l, double ratio)
{
	printf("%5.2f times plain text, %zu octets: ", ratio, l->n);
	for (size_t i = 0; i < l->n && i < 100; i++) {
		const char c = l->octets[i];

		if (c >= ' ' && c <= '~' && c != '\\')
			(void)putchar(c);
		else
			printf("\\x%02x", (unsigned)(unsigned char)c);
	}
	printf("%s\n", l->n > 100 ? "..." : "");
	(void)fflush(stdout);
}

int
main(int argc, char **argv)
{
	const double end_s = chain_cpu_s() + (argc > 1 ? strtod(argv[1], NULL) : 60);
	struct lines here = { "a:\r\n", 4 }, worst = here;
	double here_ratio = 0, worst_ratio = 0;
	unsigned stale = 0;

	srand(argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1);
	while (chain_cpu_s() < end_s) {
		struct lines next = here;
		double ratio;

		for (size_t i = 0; i <= below(3); i++)
			change(&next);
		ratio = ratio_of(&next, 2);
		if (ratio > here_ratio)
			ratio = ratio_of(&next, 8);	/* was it chance? */
		stale++;
		if (ratio > here_ratio) {
			here = next;
			here_ratio = ratio;
			stale = 0;
		}
		if (here_ratio > worst_ratio) {
			worst = here;
			worst_ratio = here_ratio;
			show(&worst, worst_ratio);
		}
		if (stale > STALE) {
			here = (struct lines){ .n = 0 };
			here_ratio = 0;
			stale = 0;
		}
	}
	worst_ratio = ratio_of(&worst, 40);
	printf("the worst, measured again:\n");
	show(&worst, worst_ratio);
	return worst_ratio > RATIO_MAX;
}
