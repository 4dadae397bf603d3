// SPDX-License-Identifier: ISC
/*
 * Only the configured codes mean "listed".  A server that answers 127.255.255.z refuses questions,
 * and one that answers 127.0.0.1, or an address outside 127.0.0.0/8, answers so for every name.
 */
#include "auth/listed.h"

#include "auth/name.h"

#define TEXT_MAX_OCTETS 200	/* of the text in a reply */

void
listed_name(struct buf *b, bool ipv6, const unsigned char *address, struct slice zone)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = ipv6 ? 16 : 4; i > 0; i--) {
		if (ipv6) {
			buf_chr(b, hex[address[i - 1] & 15]);
			buf_chr(b, '.');
			buf_chr(b, hex[address[i - 1] >> 4]);
		} else {
			buf_uint(b, address[i - 1]);
		}
		buf_chr(b, '.');
	}
	buf_add(b, zone);
}

static const struct auth_answer *
ask(const struct auth_dns *dns, const struct dnsbl *list, bool ipv6, const unsigned char *address,
    enum auth_type type)
{
	static const struct auth_answer nothing = { .status = AUTH_NXDOMAIN };
	char space[AUTH_NAME_MAX + 80];
	struct buf name = BUF(space);

	listed_name(&name, ipv6, address, list->zone);
	return auth_name_valid(buf_slice(&name)) ? dns->ask(dns->ctx, buf_slice(&name), type) :
	    &nothing;
}

static bool
is_code(const struct dnsbl *list, uint32_t code)
{
	for (size_t i = 0; i < list->ncodes; i++)
		if (code >= list->codes[i].first && code <= list->codes[i].last)
			return true;
	return false;
}

enum listed
listed_check(const struct auth_dns *dns, const struct dnsbl *list, bool ipv6,
    const unsigned char *address)
{
	const struct auth_answer *a = ask(dns, list, ipv6, address, AUTH_A);
	enum listed result = LISTED_NO;

	if (!a)
		return LISTED_PENDING;
	for (size_t i = 0; i < a->n; i++) {
		const unsigned char *p = a->records[i].address;
		const uint32_t code = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		    (uint32_t)p[2] << 8 | p[3];

		if (p[0] != 127 || code == 0x7f000001 || code >> 8 == 0x7fffff)
			return LISTED_LIES;
		if (is_code(list, code))
			result = LISTED_YES;
	}
	return result;
}

bool
listed_text(const struct auth_dns *dns, const struct dnsbl *list, bool ipv6,
    const unsigned char *address, struct buf *b)
{
	const struct auth_answer *a = ask(dns, list, ipv6, address, AUTH_TXT);
	struct slice text;

	if (!a || a->n == 0)
		return a != NULL;
	text = a->records[0].text;
	for (size_t i = 0; i < text.n && i < TEXT_MAX_OCTETS; i++)
		buf_chr(b, text.p[i] < ' ' || text.p[i] > '~' ? '?' : text.p[i]);
	return true;
}
