// SPDX-License-Identifier: ISC
/*
 * Proofs by enumeration: a claim is tried on all strings over an alphabet, up to a length, and in
 * all divisions into pieces.  Each string ends at a page that cannot be read, so an octet that is
 * read behind it ends the program.
 *
 * The argument of a program is the length to add to the usual ones; a negative one makes a sample.
 */
#ifndef TESTS_PROVE_ENUMERATE_H
#define TESTS_PROVE_ENUMERATE_H

#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/lib/tap.h"

#define ENUMERATE_MAX 256

static int enumerate_more;		/* the argument of the program */
static uint64_t enumerate_cases;	/* of the current claim */
static struct timespec enumerate_begun;

__attribute__((unused)) static void
enumerate_init(int argc, char **argv)
{
	enumerate_more = argc > 1 ? atoi(argv[1]) : 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
}

/* The length of a claim: the usual one, and what the argument adds. */
__attribute__((unused)) static size_t
enumerate_length(int usual)
{
	const int n = usual + enumerate_more;

	return n < 2 ? 2 : (size_t)n;
}

/* The end of readable memory. */
__attribute__((unused)) static char *
enumerate_edge(void)
{
	static char *edge;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!edge) {
		edge = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
		if (edge == MAP_FAILED || mprotect(edge + page, page, PROT_NONE) < 0)
			abort();
		edge += page;
	}
	return edge;
}

/* Print a string of a failed claim. */
__attribute__((unused)) static void
enumerate_print(struct slice s)
{
	printf("# on \"");
	for (size_t i = 0; i < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i];

		printf(c > ' ' && c < 127 && c != '"' && c != '\\' ? "%c" : "\\x%02x", c);
	}
	printf("\"\n");
}

/* Try a claim on all strings from length `from` to length `to`; the first failure ends it. */
typedef bool enumerate_claim(struct slice s);

__attribute__((unused)) static bool
enumerate_strings(struct slice alphabet, size_t from, size_t to, enumerate_claim *claim)
{
	unsigned char digits[ENUMERATE_MAX];

	for (size_t n = from; n <= to; n++) {
		char *s = enumerate_edge() - n;
		size_t i;

		memset(digits, 0, n);
		for (i = 0; i < n; i++)
			s[i] = alphabet.p[0];
		do {
			enumerate_cases++;
			if (!claim(slice_of(s, n))) {
				enumerate_print(slice_of(s, n));
				return false;
			}
			for (i = 0; i < n; i++) {
				if (++digits[i] == alphabet.n)
					digits[i] = 0;
				s[i] = alphabet.p[digits[i]];
				if (digits[i])
					break;
			}
		} while (i < n);
	}
	return true;
}

/* The number of octets of the next piece of s at `at`: bit i of cuts is a cut behind octet i. */
__attribute__((unused)) static size_t
enumerate_piece(struct slice s, size_t at, unsigned cuts)
{
	size_t end = at + 1;

	while (end < s.n && !(cuts >> (end - 1) % 32 & 1))
		end++;
	return end - at;
}

/* The number of divisions of n octets into pieces. */
__attribute__((unused)) static unsigned
enumerate_cuts(size_t n)
{
	return n < 2 ? 1 : 1U << (n - 1);
}

__attribute__((unused)) static void
enumerate_begin(void)
{
	enumerate_cases = 0;
	clock_gettime(CLOCK_MONOTONIC, &enumerate_begun);
}

/* Report a claim, with the cases that were tried since enumerate_begin(). */
__attribute__((unused)) static void
enumerate_end(bool passed, const char *claim, size_t length)
{
	struct timespec now;
	double s;

	clock_gettime(CLOCK_MONOTONIC, &now);
	s = (double)(now.tv_sec - enumerate_begun.tv_sec) +
	    (double)(now.tv_nsec - enumerate_begun.tv_nsec) / 1e9;
	ok(passed, "%s, to length %zu", claim, length);
	printf("# %llu cases in %.1f s\n", (unsigned long long)enumerate_cases, s);
}

/* enumerate_strings() from length 0, with its report. */
__attribute__((unused)) static void
enumerate(const char *name, struct slice alphabet, size_t to, enumerate_claim *claim)
{
	enumerate_begin();
	enumerate_end(enumerate_strings(alphabet, 0, to, claim), name, to);
}

#endif
