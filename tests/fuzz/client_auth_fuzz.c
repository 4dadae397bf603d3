// SPDX-License-Identifier: ISC
/*
 * AUTH as a client.  The first octet chooses the mechanisms offered and our secret; replies follow,
 * one line each.
 */
#include <stdlib.h>

#include "smtp/client_offer.h"
#include "smtp/client_auth.h"
#include "tests/fuzz/fuzz.h"

/* A line of AUTH: it ends in CRLF and has only the octets of base64 and commands. */
static void
check_line(const struct buf *line)
{
	must(!line->full && line->n >= 2 && line->n <= CLIENT_AUTH_LINE);
	must(line->p[line->n - 2] == '\r' && line->p[line->n - 1] == '\n');
	for (size_t i = 0; i < line->n - 2; i++)
		must(line->p[i] >= ' ' && line->p[i] <= 'z');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char secret[CLIENT_AUTH_SECRET_MAX], space[CLIENT_AUTH_LINE];
	struct slice rest = slice_of((const char *)data, size);
	const unsigned flags = size ? data[0] : 0;
	struct client_auth g;
	struct buf line = BUF(space);
	unsigned turns = 0;
	bool more;

	(void)client_auth_mechanisms(rest);
	rest = slice_skip(rest, 1);
	memset(secret, 's', sizeof secret);
	more = client_auth_start(&g, flags & 7, SL("user"),
	    slice_of(secret, flags & 8 ? sizeof secret : 9), flags & 16, &line);
	must(more == (flags & 16 ? (flags & 4) != 0 : (flags & 3) != 0));
	while (more && rest.n) {
		struct smtp_peer_reply r;

		check_line(&line);
		must(++turns <= 4);
		smtp_peer_reply_init(&r);
		while (rest.n && !smtp_peer_reply_line(&r, slice_cut(rest, '\n', &rest)))
			;
		line.n = 0;
		more = client_auth_reply(&g, &r, &line);
		must(more || g.step == CLIENT_AUTH_REFUSED ||
		    (g.step == CLIENT_AUTH_DONE && r.code == 235));
	}
	for (size_t i = 0; i < g.words.n; i++)
		must(g.words.p[i] >= ' ' && g.words.p[i] <= '~');
	return 0;
}
