// SPDX-License-Identifier: ISC
/*
 * A code is an address 127.x.y.z, or two of them that differ in the last number only.  127.0.0.1
 * and 127.255.255.z are never codes: they are the answers of servers that lie, or refuse questions.
 */
#include "config/dnsbl.h"

#include <sys/socket.h>

#include "base/cidr.h"
#include "base/name.h"
#include "base/words.h"

#define FIRST 0x7f000002u	/* 127.0.0.2, the first code of the default */
#define LAST  0x7f00000bu	/* 127.0.0.11 */
#define ERROR 0x7fffff00u	/* 127.255.255.0 */

static bool
read_code(struct slice text, uint32_t *ret)
{
	unsigned char a[4];

	if (!ip_parse(AF_INET, text, a))
		return false;
	*ret = (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];
	return a[0] == 127 && *ret >= FIRST && *ret < ERROR;
}

/* "127.0.0.2", "127.0.0.2-127.0.0.11" or "127.0.0.2-11" */
static bool
read_range(struct slice text, struct dnsbl_range *ret)
{
	struct slice last;
	const struct slice first = slice_cut(text, '-', &last);
	uint64_t number;

	if (!read_code(first, &ret->first))
		return false;
	ret->last = ret->first;
	if (first.n == text.n)
		return true;
	if (slice_uint(last, 255, &number))
		ret->last = (ret->first & ~0xffu) | (uint32_t)number;
	else if (!read_code(last, &ret->last))
		return false;
	return ret->last >= ret->first && ret->last >> 8 == ret->first >> 8;
}

int
dnsbl_next(struct slice *rest, struct dnsbl *ret)
{
	const struct slice word = words_next(rest);
	struct slice codes;

	if (word.n == 0)
		return 0;
	ret->zone = slice_cut(word, '=', &codes);
	ret->ncodes = 0;
	if (ret->zone.n == word.n)
		ret->codes[ret->ncodes++] = (struct dnsbl_range){ FIRST, LAST };
	while (codes.n && ret->ncodes < DNSBL_CODES_MAX)
		if (!read_range(slice_cut(codes, ',', &codes), &ret->codes[ret->ncodes++]))
			ret->ncodes = DNSBL_CODES_MAX + 1;
	if (name_is_domain(ret->zone) && ret->ncodes && ret->ncodes <= DNSBL_CODES_MAX && !codes.n)
		return 1;
	ret->zone = word;
	return -1;
}
