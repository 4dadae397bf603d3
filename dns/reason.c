// SPDX-License-Identifier: ISC
/*
 * The reason is an option of the OPT record, which may be anywhere in the additional section.
 */
#include "dns/reason.h"

#define OPT    41
#define OPTION 15		/* Extended DNS Error */

static void
put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static size_t
get16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

size_t
reason_put(const uint8_t *query, size_t n, enum wire_rcode rcode, enum reason_code code,
    const char *why, uint8_t ret[REASON_REPLY_MAX])
{
	const size_t length = strnlen(why, DNS_WHY_MAX - 1);
	uint8_t *p = ret + n;

	memcpy(ret, query, n);
	ret[2] = 0x81;			/* QR and RD */
	ret[3] = (uint8_t)(0x80 | rcode);	/* RA */
	memset(ret + 4, 0, WIRE_HEADER - 4);
	ret[5] = ret[11] = 1;		/* QDCOUNT, ARCOUNT */
	memset(p, 0, 11);
	put16(p + 1, OPT);
	put16(p + 3, DNS_ANSWER_CAP);
	put16(p + 9, 4 + 2 + length);
	put16(p + 11, OPTION);
	put16(p + 13, 2 + length);
	put16(p + 15, (size_t)code);
	memcpy(p + 17, why, length);
	return n + 17 + length;
}

static void
keep_line(const uint8_t *text, size_t n, char ret[DNS_WHY_MAX])
{
	size_t i;

	for (i = 0; i < n && i < DNS_WHY_MAX - 1; i++)
		ret[i] = text[i] < ' ' || text[i] > '~' ? '?' : (char)text[i];
	ret[i] = '\0';
}

static int
find_option(const uint8_t *data, size_t n, char ret[DNS_WHY_MAX])
{
	for (size_t at = 0; n - at >= 4;) {
		const size_t length = get16(data + at + 2);

		if (n - at - 4 < length)
			break;
		if (get16(data + at) == OPTION && length >= 2) {
			keep_line(data + at + 6, length - 2, ret);
			return (int)get16(data + at + 4);
		}
		at += 4 + length;
	}
	return REASON_NONE;
}

int
reason_get(const uint8_t *packet, size_t n, char ret[DNS_WHY_MAX])
{
	struct slice data;

	ret[0] = '\0';
	if (!wire_opt(packet, n, &data))
		return REASON_NONE;
	return find_option((const uint8_t *)data.p, data.n, ret);
}
