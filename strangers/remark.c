// SPDX-License-Identifier: ISC
/*
 * Octet 0 is the kind.  Octet 1 is 4 or 6 before an address, octets 4 to 7 are milliseconds in
 * network order, octets 8 to 23 are the address.  All others are zero.
 */
#include "strangers/remark.h"

#include <netinet/in.h>
#include <string.h>

#define AT_FAMILY  1
#define AT_MS	   4
#define AT_ADDRESS 8

void
remark_encode(const struct remark *remark, unsigned char ret[REMARK_OCTETS])
{
	memset(ret, 0, REMARK_OCTETS);
	ret[0] = (unsigned char)remark->kind;
	for (int i = 0; remark->kind == REMARK_IDLE && i < 4; i++)
		ret[AT_MS + i] = (unsigned char)(remark->ms >> (24 - 8 * i));
	if (remark->kind != REMARK_ADDRESS)
		return;
	if (remark->address.ss_family == AF_INET) {
		const struct sockaddr_in *in =
		    (const struct sockaddr_in *)(const void *)&remark->address;

		ret[AT_FAMILY] = 4;
		memcpy(ret + AT_ADDRESS, &in->sin_addr, 4);
	} else {
		const struct sockaddr_in6 *in6 =
		    (const struct sockaddr_in6 *)(const void *)&remark->address;

		ret[AT_FAMILY] = 6;
		memcpy(ret + AT_ADDRESS, &in6->sin6_addr, 16);
	}
}

static bool
take_address(const unsigned char *octets, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)ret;

	switch (octets[AT_FAMILY]) {
	case 4:
		in->sin_family = AF_INET;
		memcpy(&in->sin_addr, octets + AT_ADDRESS, 4);
		return true;
	case 6:
		in6->sin6_family = AF_INET6;
		memcpy(&in6->sin6_addr, octets + AT_ADDRESS, 16);
		return true;
	}
	return false;
}

bool
remark_parse(const void *octets, size_t n, struct remark *ret)
{
	unsigned char copy[REMARK_OCTETS], again[REMARK_OCTETS];
	struct remark r = { 0 };

	if (n != REMARK_OCTETS)
		return false;
	memcpy(copy, octets, REMARK_OCTETS);
	if (copy[0] < REMARK_ADDRESS || copy[0] > REMARK_BUSY)
		return false;
	r.kind = (enum remark_kind)copy[0];
	for (int i = 0; r.kind == REMARK_IDLE && i < 4; i++)
		r.ms = r.ms << 8 | copy[AT_MS + i];
	if (r.kind == REMARK_ADDRESS && !take_address(copy, &r.address))
		return false;
	remark_encode(&r, again);
	if (memcmp(copy, again, REMARK_OCTETS) != 0)
		return false;
	*ret = r;
	return true;
}
