// SPDX-License-Identifier: ISC
/*
 * The list of addresses is walked element by element.  Display names, comments, groups and folding
 * stay as they are.  An element that is in doubt does not change.
 */
#include "message/qualify.h"

#include "message/token.h"

struct walk {
	struct slice domain;
	qualify_put *put;
	void *ctx;
	const char *kept;	/* the first octet that has not gone out */
	/* The element, or its part between angle brackets. */
	unsigned words;
	const char *word_end;
	bool has_domain;	/* the address has an '@' */
	bool settled;		/* its angle brackets have decided */
};

static void
begin_element(struct walk *w)
{
	w->words = 0;
	w->has_domain = w->settled = false;
}

/* A mailbox lacks its domain if it is one word and nothing else. */
static void
end_mailbox(struct walk *w)
{
	if (w->words != 1 || w->has_domain || w->settled)
		return;
	w->put(w->ctx, slice_of(w->kept, (size_t)(w->word_end - w->kept)));
	w->put(w->ctx, SL("@"));
	w->put(w->ctx, w->domain);
	w->kept = w->word_end;
}

static void
take_sign(struct walk *w, char sign)
{
	switch (sign) {
	case '<':
		begin_element(w);		/* the words were a display name */
		break;
	case '>':
		end_mailbox(w);
		w->settled = true;
		break;
	case ',':
	case ';':
		end_mailbox(w);
		begin_element(w);
		break;
	case ':':		/* ends the name of a group, or a source route, which has an '@' */
		if (!w->has_domain)
			begin_element(w);
		break;
	default:
		w->has_domain = true;
		break;
	}
}

void
qualify_addresses(struct slice body, struct slice domain, qualify_put *put, void *ctx)
{
	struct walk w = { .domain = domain, .put = put, .ctx = ctx, .kept = body.p };
	struct slice rest = body;
	struct token t;

	while ((t = token_next(&rest)).kind != TOKEN_END && t.kind != TOKEN_BAD) {
		if (t.kind == TOKEN_SIGN)
			take_sign(&w, t.octets.p[0]);
		if (t.kind != TOKEN_WORD)
			continue;
		w.words++;
		w.word_end = t.octets.p + t.octets.n;
	}
	if (t.kind == TOKEN_END)
		end_mailbox(&w);
	put(ctx, slice_skip(body, (size_t)(w.kept - body.p)));
}
