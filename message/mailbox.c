// SPDX-License-Identifier: ISC
/*
 * Angle brackets hold the address if an element has them; else all its words do.
 */
#include "message/mailbox.h"

#include "message/token.h"

struct element {
	struct buf *address;
	size_t start;		/* octets of the buffer in front of the address */
	bool inside;		/* between angle brackets */
	bool done;		/* behind them */
	bool apart;		/* blanks followed the last word */
	bool at;		/* an '@' has come */
	bool bad;
};

static void
empty_address(struct element *e)
{
	e->address->n = e->start;
	e->apart = e->at = e->bad = false;
}

static char
last_octet(const struct element *e)
{
	return e->address->n > e->start ? e->address->p[e->address->n - 1] : '\0';
}

/* Blanks may stand around the dots and the '@' of an address, but not between its words. */
static void
take_word(struct element *e, struct slice word)
{
	const char last = last_octet(e);

	if (e->done)
		return;
	e->bad |= e->apart && last != '\0' && last != '.' && last != '@' && word.p[0] != '.';
	e->apart = false;
	buf_add(e->address, word);
}

/* False if the sign ends the element. */
static bool
take_sign(struct element *e, char sign)
{
	const bool again = e->inside || e->done;

	switch (sign) {
	case '<':
		empty_address(e);		/* the words were a display name */
		e->inside = true;
		e->bad = again;
		return true;
	case '>':
		e->bad |= !e->inside;
		e->done = true;
		e->inside = false;
		return true;
	case ':':		/* ends the name of a group, or a source route */
		empty_address(e);
		return true;
	case '@':
		if (!e->done)
			buf_chr(e->address, '@');
		e->apart = false;
		return true;
	default:		/* a source route has commas between its hosts */
		return e->inside && last_octet(e) != '\0' && sign == ',';
	}
}

static enum mailbox_result
end_element(struct element *e, bool any)
{
	if (!any)
		return MAILBOX_END;
	return e->bad || e->inside || e->address->full ? MAILBOX_BAD : MAILBOX_FOUND;
}

/* Nobody knows where a string or a comment without its end ends; a stray octet is only itself. */
static size_t
size_of_bad(struct slice rest)
{
	return rest.p[0] == '"' || rest.p[0] == '(' || rest.p[0] == '[' ? rest.n : 1;
}

static void
take_bad(struct element *e, struct slice *rest)
{
	*rest = slice_skip(*rest, size_of_bad(*rest));
	e->bad = true;
}

/* One element.  *ret_any: it holds an address, or text that is none. */
static enum mailbox_result
take_element(struct slice *rest, struct buf *ret, bool *ret_any)
{
	struct element e = { .address = ret, .start = ret->n };
	struct token t;

	for (;;) {
		t = token_next(rest);
		if (t.kind == TOKEN_SPACE)
			e.apart = true;
		else if (t.kind == TOKEN_WORD)
			take_word(&e, t.octets);
		else if (t.kind == TOKEN_BAD)
			take_bad(&e, rest);
		else if (t.kind == TOKEN_END || !take_sign(&e, t.octets.p[0]))
			break;
	}
	*ret_any = ret->n > e.start || e.bad || ret->full;
	return end_element(&e, *ret_any);
}

enum mailbox_result
mailbox_next(struct slice *rest, struct buf *ret, struct slice *ret_element)
{
	enum mailbox_result r = MAILBOX_END;
	bool any = false;

	while (!any && rest->n) {
		const char *from = rest->p;

		r = take_element(rest, ret, &any);
		*ret_element = slice_of(from, (size_t)(rest->p - from));
	}
	return any ? r : MAILBOX_END;
}
