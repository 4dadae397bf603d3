// SPDX-License-Identifier: ISC
/*
 * Dots are a part of words: readers of addresses need them seldom, and old programs write them
 * anywhere.
 */
#include "message/token.h"

/* The octets up to the `close` that ends them; none if it is missing. */
static size_t
quoted(struct slice s, char open, char close)
{
	unsigned depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char c = s.p[i];

		if (c == '\\')
			i++;
		else if (c == open && (open != close || depth == 0))
			depth++;
		else if (c == close && --depth == 0)
			return i + 1;
	}
	return 0;
}

static bool
is_special(char c)
{
	return c == '\0' || strchr("()<>[]:;@\\,\" \t\r\n", c) != NULL;
}

static size_t
run(struct slice s)
{
	size_t n = 0;

	while (n < s.n && !is_special(s.p[n]))
		n++;
	return n;
}

static struct token
token_of(enum token_kind kind, size_t n, struct slice *rest)
{
	struct token t = { n ? kind : TOKEN_BAD, slice_of(rest->p, n) };

	*rest = slice_skip(*rest, n);
	return t;
}

struct token
token_next(struct slice *rest)
{
	if (rest->n == 0)
		return (struct token){ TOKEN_END, *rest };
	switch (rest->p[0]) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		return token_of(TOKEN_SPACE, 1, rest);
	case '(':
		return token_of(TOKEN_SPACE, quoted(*rest, '(', ')'), rest);
	case '"':
		return token_of(TOKEN_WORD, quoted(*rest, '"', '"'), rest);
	case '[':
		return token_of(TOKEN_WORD, quoted(*rest, '[', ']'), rest);
	case '\0':
	case '\\':
	case ')':
	case ']':
		return token_of(TOKEN_BAD, 0, rest);
	case '<':
	case '>':
	case ',':
	case ';':
	case ':':
	case '@':
		return token_of(TOKEN_SIGN, 1, rest);
	default:
		return token_of(TOKEN_WORD, run(*rest), rest);
	}
}
