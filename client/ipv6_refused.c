// SPDX-License-Identifier: ISC
/*
 * Some big receivers demand more of an IPv6 address than of an IPv4 address: a name in the DNS that
 * leads back to it, and authenticated mail.  If our address lacks the name, each receiver explains
 * it in other words.  A wrong guess costs one more connection, over IPv4.  Pure.
 */
#include "client/ipv6_refused.h"

/* Any of these means that the name of our address is missing or wrong. */
static const struct slice names[] = {
	S(" ptr record"), S(" ptr lookup"), S("missing ptr"), S("no ptr"), S("ptr required"),
	S(" rdns"), S("reverse dns"), S("reverse lookup"), S("reverse hostname"), S("reverse-dns"),
	S("find your hostname"), S("find your reverse"),
};

/* Any of these, together with the word "IPv6", means a refusal of our IPv6 address. */
static const struct slice demands[] = {
	S("ptr"), S("guidelines"), S("reverse"), S("spf"), S("dkim"), S("authentication"),
	S("hostname"), S("not accept"), S("not support"),
};

/* The text in lower case, its lines joined by blanks, without the status code at the start of each.
 * So a phrase is found even if it was broken into lines. */
static struct slice
plain_text(const struct smtp_peer_reply *r, struct slice status, struct buf *b)
{
	struct slice rest = buf_slice(&r->text);

	while (rest.n) {
		struct slice line = slice_cut(rest, '\n', &rest);

		if (status.n && slice_has_prefix(line, status))
			line = slice_skip(line, status.n);
		buf_chr(b, ' ');
		line = slice_trim(line);
		for (size_t i = 0; i < line.n; i++)
			buf_chr(b, ascii_lower(line.p[i]));
	}
	return buf_slice(b);
}

static bool
contains(struct slice text, struct slice words)
{
	return memmem(text.p, text.n, words.p, words.n) != NULL;
}

static bool
contains_any(struct slice text, const struct slice *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (contains(text, words[i]))
			return true;
	return false;
}

bool
ipv6_refused_by(const struct smtp_peer_reply *r)
{
	struct slice status = smtp_peer_reply_status(r), text;
	char space[SMTP_PEER_TEXT + SMTP_PEER_LINES];
	struct buf b = BUF(space);

	if (r->malformed || r->code < 400)
		return false;
	/* RFC 7372 section 3.3 */
	if (status.n == 6 && slice_eq(slice_skip(status, 1), SL(".7.25")))
		return true;
	text = plain_text(r, status, &b);
	if (contains_any(text, names, sizeof names / sizeof names[0]))
		return true;
	return contains(text, SL("ipv6")) &&
	    contains_any(text, demands, sizeof demands / sizeof demands[0]);
}

bool
ipv6_refused(const struct smtp_link *l)
{
	return l->ipv4_left && ipv6_refused_by(&l->reply);
}
