// SPDX-License-Identifier: ISC
/*
 * A remark with the address of the client, or as many zeros; the size of the name in network order;
 * the name; zeros.
 */
#include "strangers/transfer.h"

#include <string.h>

#define AT_SIZE REMARK_OCTETS
#define AT_NAME (REMARK_OCTETS + 2)

void
transfer_encode(const struct transfer *t, unsigned char ret[TRANSFER_OCTETS])
{
	const struct remark client = { .kind = REMARK_ADDRESS, .address = t->client };

	memset(ret, 0, TRANSFER_OCTETS);
	if (t->client.ss_family != AF_UNSPEC)
		remark_encode(&client, ret);
	ret[AT_SIZE] = (unsigned char)(t->n >> 8);
	ret[AT_SIZE + 1] = (unsigned char)t->n;
	memcpy(ret + AT_NAME, t->name, t->n);
}

static bool
is_fine(const char *name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == '\177')
			return false;
	return true;
}

static bool
has_address(const unsigned char *octets)
{
	for (size_t i = 0; i < REMARK_OCTETS; i++)
		if (octets[i])
			return true;
	return false;
}

bool
transfer_parse(const void *octets, size_t n, struct transfer *ret)
{
	unsigned char copy[TRANSFER_OCTETS], again[TRANSFER_OCTETS];
	struct remark client = { 0 };
	struct transfer t = { .n = 0 };

	if (n != TRANSFER_OCTETS)
		return false;
	memcpy(copy, octets, TRANSFER_OCTETS);
	if (has_address(copy) && (!remark_parse(copy, REMARK_OCTETS, &client) ||
	    client.kind != REMARK_ADDRESS))
		return false;
	t.client = client.address;
	t.n = (size_t)(copy[AT_SIZE] << 8 | copy[AT_SIZE + 1]);
	if (t.n > TRANSFER_NAME_MAX)
		return false;
	memcpy(t.name, copy + AT_NAME, t.n);
	transfer_encode(&t, again);
	if (memcmp(copy, again, TRANSFER_OCTETS) != 0 || !is_fine(t.name, t.n))
		return false;
	*ret = t;
	return true;
}
