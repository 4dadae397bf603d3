// SPDX-License-Identifier: ISC
/*
 * A query: octet 0 is the kind, octet 1 the bits of the key, octet 2 the failure, octets 4 to 7 the
 * number, 8 to 15 the prefix, 16 to 19 the connections, 20 to 39 the limits.  An answer: octet 0 is
 * the kind, octet 1 the limit, octets 4 to 7 the number.  All numbers are in network order, and all
 * other octets are zero.
 */
#include "shared/query.h"

#include <assert.h>
#include <string.h>

#include "shared/number.h"

#define AT_KIND	  0
#define AT_BITS	  1
#define AT_WHAT	  2
#define AT_LIMIT  1
#define AT_NUMBER 4
#define AT_PREFIX 8
#define AT_OPEN	  16
#define AT_LIMITS 20
#define LIMIT_MAX 1000000

static_assert(AT_LIMITS + 4 * STRANGERS_LIMITS == QUERY_OCTETS, "all limits have room");

void
query_encode(const struct query *q, unsigned char ret[QUERY_OCTETS])
{
	memset(ret, 0, QUERY_OCTETS);
	ret[AT_KIND] = (unsigned char)q->kind;
	ret[AT_BITS] = q->key.bits;
	ret[AT_WHAT] = (unsigned char)q->what;
	number_put(ret + AT_NUMBER, 4, q->number);
	number_put(ret + AT_PREFIX, 8, q->key.prefix);
	number_put(ret + AT_OPEN, 4, q->open);
	for (size_t i = 0; i < STRANGERS_LIMITS; i++)
		number_put(ret + AT_LIMITS + 4 * i, 4, q->limits.most[i]);
}

void
query_answer_encode(const struct query_answer *a, unsigned char ret[QUERY_ANSWER_OCTETS])
{
	memset(ret, 0, QUERY_ANSWER_OCTETS);
	ret[AT_KIND] = (unsigned char)a->kind;
	ret[AT_LIMIT] = (unsigned char)a->limit;
	number_put(ret + AT_NUMBER, 4, a->number);
}

static bool
is_key(const struct strangers_key *key)
{
	return key->bits == 64 || (key->bits == 32 && (key->prefix & UINT32_MAX) == 0);
}

static bool
has_limits(const struct query *q)
{
	for (size_t i = 0; i < STRANGERS_LIMITS; i++)
		if (q->limits.most[i])
			return true;
	return false;
}

/* Does it have what its kind needs, and no more? */
static bool
fits_kind(const struct query *q)
{
	switch (q->kind) {
	case QUERY_HELLO:
	case QUERY_FORGET:
		return q->key.bits == 0 && q->key.prefix == 0 && !q->number && !q->open &&
		       !q->what && !has_limits(q);
	case QUERY_ENTER:
		return is_key(&q->key) && !q->what;
	case QUERY_COUNT:
		return is_key(&q->key) && !q->number && !q->open && q->what > STRANGERS_RATE &&
		       q->what < STRANGERS_LIMITS;
	case QUERY_OPEN:
		return is_key(&q->key) && !q->number && !q->what && !has_limits(q);
	}
	return false;
}

bool
query_parse(const void *octets, size_t n, struct query *ret)
{
	unsigned char copy[QUERY_OCTETS];
	struct query q = { 0 };

	if (n != QUERY_OCTETS)
		return false;
	memcpy(copy, octets, sizeof copy);
	q.kind = (enum query_kind)copy[AT_KIND];
	q.key.bits = copy[AT_BITS];
	q.what = (enum strangers_limit)copy[AT_WHAT];
	q.number = (uint32_t)number_take(copy + AT_NUMBER, 4);
	q.key.prefix = number_take(copy + AT_PREFIX, 8);
	q.open = (uint32_t)number_take(copy + AT_OPEN, 4);
	for (size_t i = 0; i < STRANGERS_LIMITS; i++) {
		q.limits.most[i] = number_take(copy + AT_LIMITS + 4 * i, 4);
		if (q.limits.most[i] > LIMIT_MAX)
			return false;
	}
	if (copy[3] || !fits_kind(&q))
		return false;
	*ret = q;
	return true;
}

bool
query_answer_parse(const void *octets, size_t n, struct query_answer *ret)
{
	unsigned char copy[QUERY_ANSWER_OCTETS];
	struct query_answer a = { 0 };

	if (n != QUERY_ANSWER_OCTETS)
		return false;
	memcpy(copy, octets, sizeof copy);
	a.kind = (enum query_answer_kind)copy[AT_KIND];
	a.limit = (enum strangers_limit)copy[AT_LIMIT];
	a.number = (uint32_t)number_take(copy + AT_NUMBER, 4);
	if (copy[2] || copy[3] || a.limit > STRANGERS_LIMITS || a.kind < QUERY_HERE ||
	    a.kind > QUERY_VERDICT || (a.kind != QUERY_VERDICT && (a.limit || a.number)))
		return false;
	*ret = a;
	return true;
}
