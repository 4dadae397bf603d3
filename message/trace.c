// SPDX-License-Identifier: ISC
/*
 * The field is ours, so other programs can parse it whatever name the client gives.
 */
#include "message/trace.h"

#include "base/clock.h"

static bool
is_atext(char c)
{
	return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
	    c == '.' || c == '-' || c == '_';
}

#define HELO_SHOWN 255		/* octets of a name; the rest proves as little */
#define PATH_SHOWN 900		/* a longer one would make a line of over 998 octets */

/* An IPv6 address in brackets without the tag, which many clients forget. */
static bool
add_untagged(struct buf *b, struct slice helo)
{
	char space[64];
	struct buf literal = BUF(space);

	if (helo.n < 2 || helo.p[0] != '[')
		return false;
	buf_str(&literal, "[IPv6:");
	buf_add(&literal, slice_skip(helo, 1));
	if (literal.full || !smtp_address_literal_valid(buf_slice(&literal)))
		return false;
	buf_add(b, buf_slice(&literal));
	return true;
}

/* A valid name goes in unchanged.  In any other, '?' replaces octets that may have a meaning in a
 * header field. */
static void
add_helo(struct buf *b, struct slice helo)
{
	if (smtp_domain_valid(helo, true)) {
		buf_add(b, helo);
		return;
	}
	if (add_untagged(b, helo))
		return;
	if (helo.n == 0)
		buf_str(b, "unknown");
	for (size_t i = 0; i < helo.n && i < HELO_SHOWN; i++)
		buf_chr(b, is_atext(helo.p[i]) ? helo.p[i] : '?');
}

/* A comment, because few programs know the clause of RFC 8314 (section 4.3) for the cipher. */
static void
add_tls(struct buf *b, const struct tls_facts *tls)
{
	if (!tls || !tls->version[0])
		return;
	buf_str(b, "\r\n\t(using ");
	buf_str(b, tls->version);
	buf_str(b, " with cipher ");
	buf_str(b, tls->cipher);
	if (tls->client[0]) {
		buf_str(b, ";\r\n\tclient certificate, not verified, SHA-256 ");
		buf_str(b, tls->client);
	}
	buf_chr(b, ')');
}

void
trace_received(struct buf *b, const struct trace *t)
{
	buf_str(b, "Received: from ");
	add_helo(b, t->helo);
	buf_str(b, " (");
	if (t->name.n) {
		add_helo(b, t->name);
		buf_chr(b, ' ');
	}
	buf_str(b, t->peer->literal ? "[" : "");
	buf_str(b, t->peer->text);
	buf_str(b, t->peer->literal ? "])" : ")");
	add_tls(b, t->tls);
	buf_str(b, "\r\n\tby ");
	buf_add(b, t->hostname);
	buf_str(b, " with ");
	buf_add(b, t->protocol);
	buf_str(b, " id ");
	buf_add(b, t->id);
	/* One of several must not learn of the others (section 7.2). */
	if (t->recipient && t->recipient->n <= PATH_SHOWN) {
		buf_str(b, "\r\n\tfor <");
		buf_add(b, smtp_path_text(t->recipient));
		buf_chr(b, '>');
	}
	buf_str(b, ";\r\n\t");
	clock_mail_date(b, t->time_s);
	buf_str(b, "\r\n");
}
