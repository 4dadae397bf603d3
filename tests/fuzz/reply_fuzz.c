// SPDX-License-Identifier: ISC
/*
 * A peer's replies, one line of input a line; then the same text as an EHLO reply, and as a reply
 * of this server.
 */
#include <stdlib.h>

#include "smtp/client_offer.h"
#include "tests/fuzz/fuzz.h"

/* Require lines of at most 512 octets, each with the code, and a hyphen in all but the last. */
static void
check_format(struct slice text)
{
	struct smtp_reply r = { .code = 550, .text = text };
	static char space[1 << 20];
	struct buf b = BUF(space);
	struct slice rest, line;

	smtp_reply_format(&b, &r);
	if (b.full)
		return;
	rest = buf_slice(&b);
	must(rest.n > 0);
	while (rest.n) {
		line = slice_cut(rest, '\n', &rest);
		must(line.n >= 5 && line.n + 1 <= SMTP_REPLY_LINE && line.p[line.n - 1] == '\r');
		must(slice_has_prefix(line, rest.n ? SL("550-") : SL("550 ")));
		must(!memchr(line.p, '\r', line.n - 1) && !memchr(line.p, '\0', line.n));
	}
}

static void
check_peer(struct slice text, struct slice params)
{
	struct client_offer p;
	char space[4096];
	struct buf b = BUF(space);

	client_offer_init(&p);
	client_offer_ehlo(&p, text);
	must(p.esmtp && (!p.offers[SMTP_EXT_BINARYMIME] || p.offers[SMTP_EXT_CHUNKING]) &&
	    (p.offers[SMTP_EXT_SIZE] || p.max_size == 0));
	must(p.limits.mail_max <= 999999 && p.limits.rcpt_max <= 999999 &&
	    p.limits.rcpt_domain_max <= 999999);
	client_mail(&b, &p, SL("a@b"), params, 1, SMTP_BODY_8BITMIME);
	client_rcpt(&b, &p, SL("a@b"), params);
	if (b.full)
		return;
	/* MAIL and RCPT are two lines, whatever is in the envelope. */
	for (size_t i = 0, lines = 0; i < b.n; i++)
		must((unsigned char)b.p[i] >= ' ' ||
		    (b.p[i] == '\r' && i + 1 < b.n && b.p[i + 1] == '\n') ||
		    (b.p[i] == '\n' && ++lines <= 2));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size), rest = in;
	struct smtp_peer_reply r;
	bool last = false;

	smtp_peer_reply_init(&r);
	while (rest.n && !last) {
		struct slice status;

		last = smtp_peer_reply_line(&r, slice_cut(rest, '\n', &rest));
		must(r.text.n <= sizeof r.space &&
		    (r.malformed || (r.code >= 200 && r.code <= 599)));
		status = smtp_peer_reply_status(&r);
		must(status.n <= 9 && (status.n == 0 || status.p[0] == '0' + r.code / 100));
	}
	for (size_t i = 0; i < r.text.n; i++)
		must((unsigned char)r.text.p[i] >= ' ' || r.text.p[i] == '\n');
	check_peer(buf_slice(&r.text), in);
	check_peer(in, in);
	check_format(in);
	return 0;
}
