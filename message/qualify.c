// SPDX-License-Identifier: ISC
/*
 * The list of addresses is walked element by element.  Display names, comments, groups and folding
 * stay as they are.  An element that is in doubt does not change.
 */
#include "message/qualify.h"

#include "message/token.h"

struct walk {
	const struct qualify *q;
	const char *kept;	/* the first octet that has not gone out */
	/* The element, or its part between angle brackets. */
	unsigned words, signs;	/* words in front of the first '@'; the number of '@' */
	struct slice local;	/* the last word in front of it */
	struct slice domain;	/* the first one behind it */
	unsigned more;		/* further words behind it */
	bool settled;		/* its angle brackets have decided */
};

static void
begin_element(struct walk *w)
{
	w->words = w->signs = w->more = 0;
	w->domain = (struct slice){ 0 };
	w->settled = false;
}

static void
put_until(struct walk *w, const char *end, struct slice more)
{
	w->q->put(w->q->ctx, slice_of(w->kept, (size_t)(end - w->kept)));
	w->q->put(w->q->ctx, more);
	w->kept = end;
}

/* Put another address in its place, if one stands for it. */
static bool
replace(struct walk *w, struct slice domain, const char *end)
{
	char space[QUALIFY_MAX], other[QUALIFY_MAX];
	struct buf address = BUF(space), by = BUF(other);

	buf_add(&address, w->local);
	buf_chr(&address, '@');
	buf_add(&address, domain);
	if (address.full || !w->q->replace(w->q->ctx, buf_slice(&address), &by))
		return false;
	put_until(w, w->local.p, buf_slice(&by));
	w->kept = end;
	return true;
}

/* A mailbox lacks its domain if it is one word and nothing else. */
static void
end_mailbox(struct walk *w)
{
	const bool bare = w->signs == 0;
	const struct slice domain = bare ? w->q->domain : w->domain;
	const char *end;

	if (w->settled || w->words != 1)
		return;
	end = w->local.p + w->local.n;
	if (!bare && (w->signs > 1 || w->more || domain.p != end + 1))
		return;
	if (!bare)
		end = domain.p + domain.n;
	if ((w->q->replace && replace(w, domain, end)) || !bare)
		return;
	put_until(w, end, SL("@"));
	w->q->put(w->q->ctx, domain);
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
		if (!w->signs)
			begin_element(w);
		break;
	default:
		w->signs++;
		break;
	}
}

static void
take_word(struct walk *w, struct slice word)
{
	if (!w->signs) {
		w->words++;
		w->local = word;
	} else if (w->domain.n) {
		w->more++;
	} else {
		w->domain = word;
	}
}

void
qualify_addresses(const struct qualify *q, struct slice body)
{
	struct walk w = { .q = q, .kept = body.p };
	struct slice rest = body;
	struct token t;

	while ((t = token_next(&rest)).kind != TOKEN_END && t.kind != TOKEN_BAD) {
		if (t.kind == TOKEN_SIGN)
			take_sign(&w, t.octets.p[0]);
		else if (t.kind == TOKEN_WORD)
			take_word(&w, t.octets);
	}
	if (t.kind == TOKEN_END)
		end_mailbox(&w);
	q->put(q->ctx, slice_skip(body, (size_t)(w.kept - body.p)));
}
