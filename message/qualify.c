// SPDX-License-Identifier: ISC
/*
 * The list of addresses is walked element by element.  Display names, comments, groups and folding
 * stay as they are.  An element that is in doubt does not change.
 */
#include "message/qualify.h"

struct walk {
	struct slice body;
	size_t at;		/* the next octet */
	size_t put;		/* octets that have gone out */
	/* The element, or its part between angle brackets. */
	unsigned words;
	size_t word_end;
	bool domain;		/* the address has an '@' */
	bool settled;		/* its angle brackets have decided */
};

static void
begin_element(struct walk *w)
{
	w->words = 0;
	w->domain = w->settled = false;
}

/* Skip octets up to the `close` that ends them.  False if it is missing. */
static bool
skip_quoted(struct walk *w, char open, char close)
{
	unsigned depth = 0;

	for (; w->at < w->body.n; w->at++) {
		char c = w->body.p[w->at];

		if (c == '\\')
			w->at++;
		else if (c == open && (open != close || depth == 0))
			depth++;
		else if (c == close && --depth == 0) {
			w->at++;
			return true;
		}
	}
	return false;
}

static bool
is_special(char c)
{
	return c == '\0' || strchr("()<>[]:;@\\,\" \t\r\n", c) != NULL;
}

/* A mailbox lacks its domain if it is one word and nothing else. */
static void
end_mailbox(struct walk *w, struct slice domain, qualify_put *put, void *ctx)
{
	if (w->words != 1 || w->domain || w->settled)
		return;
	put(ctx, slice_of(w->body.p + w->put, w->word_end - w->put));
	put(ctx, SL("@"));
	put(ctx, domain);
	w->put = w->word_end;
}

/* A quoted string, a domain literal, or a run of other octets. */
static bool
take_word(struct walk *w)
{
	char c = w->body.p[w->at];
	bool ended = true;

	if (c == '"')
		ended = skip_quoted(w, '"', '"');
	else if (c == '[')
		ended = skip_quoted(w, '[', ']');
	else if (is_special(c))
		return false;
	else
		while (w->at < w->body.n && !is_special(w->body.p[w->at]))
			w->at++;
	w->words++;
	w->word_end = w->at;
	return ended;
}

/* False if this is not a list of addresses. */
static bool
take_step(struct walk *w, struct slice domain, qualify_put *put, void *ctx)
{
	switch (w->body.p[w->at]) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		break;
	case '(':
		return skip_quoted(w, '(', ')');
	case '<':
		begin_element(w);		/* the words were a display name */
		break;
	case '>':
		end_mailbox(w, domain, put, ctx);
		w->settled = true;
		break;
	case ',':
	case ';':
		end_mailbox(w, domain, put, ctx);
		begin_element(w);
		break;
	case ':':		/* ends the name of a group, or a source route, which has an '@' */
		if (!w->domain)
			begin_element(w);
		break;
	case '@':
		w->domain = true;
		break;
	default:
		return take_word(w);
	}
	w->at++;
	return true;
}

void
qualify_addresses(struct slice body, struct slice domain, qualify_put *put, void *ctx)
{
	struct walk w = { .body = body };
	bool fine = true;

	while (fine && w.at < body.n)
		fine = take_step(&w, domain, put, ctx);
	if (fine)
		end_mailbox(&w, domain, put, ctx);
	put(ctx, slice_skip(body, w.put));
}
