// SPDX-License-Identifier: ISC
/*
 * The expansion of macros (RFC 7208 section 7).
 */
#include <sys/socket.h>

#include "auth/spf_parts.h"
#include "base/cidr.h"

#define PARTS_MAX 128		/* a domain has no more labels */

bool
spf_macros_ask(struct slice text)
{
	for (size_t i = 0; i + 2 < text.n; i++)
		if (text.p[i] == '%' && text.p[i + 1] == '{' && ascii_lower(text.p[i + 2]) == 'p')
			return true;
	return false;
}

static const char hex[] = "0123456789ABCDEF";

static void
put_address(struct buf *b, const struct spf_client *c, bool readable)
{
	struct cidr alone = { c->ipv6 ? AF_INET6 : AF_INET, c->ipv6 ? 128 : 32, { 0 } };

	if (!c->ipv6 || readable) {
		memcpy(alone.address, c->address, sizeof alone.address);
		cidr_text(b, &alone);
		return;
	}
	for (size_t i = 0; i < 16; i++) {
		buf_str(b, i ? "." : "");
		buf_chr(b, hex[c->address[i] >> 4]);
		buf_chr(b, '.');
		buf_chr(b, hex[c->address[i] & 15]);
	}
}

static void
put_letter(struct buf *b, const struct spf_names *names, char letter)
{
	switch (letter) {
	case 's':
		buf_add(b, names->local);
		buf_chr(b, '@');
		buf_add(b, names->sender_domain);
		break;
	case 'l':
		buf_add(b, names->local);
		break;
	case 'o':
		buf_add(b, names->sender_domain);
		break;
	case 'd':
		buf_add(b, names->domain);
		break;
	case 'i':
	case 'c':
		put_address(b, names->client, letter == 'c');
		break;
	case 'p':
		buf_add(b, names->validated.n ? names->validated : SL("unknown"));
		break;
	case 'h':
		buf_add(b, names->client->helo);
		break;
	case 'v':
		buf_str(b, names->client->ipv6 ? "ip6" : "in-addr");
		break;
	case 'r':
		buf_add(b, names->client->receiver.n ? names->client->receiver : SL("unknown"));
		break;
	default:
		buf_uint(b, (uint64_t)names->client->now_s);
	}
}

/* The parts between the delimiters.  Their number. */
static size_t
split(struct slice s, struct slice delimiters, struct slice *parts)
{
	size_t n = 0, start = 0;

	for (size_t i = 0; i <= s.n && n < PARTS_MAX; i++) {
		if (i < s.n && !memchr(delimiters.p, s.p[i], delimiters.n))
			continue;
		parts[n++] = slice_of(s.p + start, i - start);
		start = i + 1;
	}
	return n;
}

static void
put_escaped(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i];

		if ((c >= '0' && c <= '9') || (ascii_lower((char)c) >= 'a' &&
		    ascii_lower((char)c) <= 'z') || (c && strchr("-._~", c))) {
			buf_chr(b, (char)c);
			continue;
		}
		buf_chr(b, '%');
		buf_chr(b, hex[c >> 4]);
		buf_chr(b, hex[c & 15]);
	}
}

/* A macro "letter digits r delimiters", which is valid. */
static void
put_macro(struct buf *b, const struct spf_names *names, struct slice macro)
{
	char space[1024], again[1024];
	struct buf value = BUF(space), joined = BUF(again);
	struct slice parts[PARTS_MAX], rest = slice_skip(macro, 1);
	size_t n, keep = 0;
	bool reverse;

	put_letter(&value, names, ascii_lower(macro.p[0]));
	while (rest.n && rest.p[0] >= '0' && rest.p[0] <= '9') {
		keep = keep * 10 + (size_t)(rest.p[0] - '0');
		rest = slice_skip(rest, 1);
	}
	reverse = rest.n && ascii_lower(rest.p[0]) == 'r';
	rest = slice_skip(rest, reverse);
	n = split(buf_slice(&value), rest.n ? rest : SL("."), parts);
	if (keep == 0 || keep > n)
		keep = n;
	for (size_t i = n - keep; i < n; i++) {
		buf_str(&joined, i > n - keep ? "." : "");
		buf_add(&joined, parts[reverse ? n - 1 - i : i]);
	}
	b->full |= value.full || joined.full;
	if (macro.p[0] >= 'A' && macro.p[0] <= 'Z')
		put_escaped(b, buf_slice(&joined));
	else
		buf_add(b, buf_slice(&joined));
}

void
spf_expand(struct buf *b, const struct spf_names *names, struct slice text)
{
	while (text.n) {
		const struct slice plain = slice_cut(text, '%', &text);
		struct slice macro;

		buf_add(b, plain);
		if (text.n == 0)
			return;
		if (text.p[0] != '{') {
			buf_str(b, text.p[0] == '%' ? "%" : text.p[0] == '_' ? " " : "%20");
			text = slice_skip(text, 1);
			continue;
		}
		macro = slice_cut(slice_skip(text, 1), '}', &text);
		put_macro(b, names, macro);
	}
}
