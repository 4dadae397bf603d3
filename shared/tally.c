// SPDX-License-Identifier: ISC
/*
 * A query: octet 0 is what counts, octet 1 the length of the name, octets 4 to 7 are the number, 8
 * to 11 the most, 12 to 15 the time, and the name is behind them.  An answer: octet 0 is the
 * result, octets 4 to 7 are the number.  All numbers are in network order, and all other octets are
 * zero.
 */
#include "shared/tally.h"

#include <string.h>

#include "shared/number.h"

#define AT_WHAT	  0
#define AT_LENGTH 1
#define AT_RESULT 0
#define AT_NUMBER 4
#define AT_MOST	  8
#define AT_TIME	  12
#define AT_NAME	  16

static bool
is_zero(const unsigned char *octets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (octets[i])
			return false;
	return true;
}

void
tally_encode(const struct tally_query *q, unsigned char ret[TALLY_OCTETS])
{
	memset(ret, 0, TALLY_OCTETS);
	ret[AT_WHAT] = (unsigned char)q->what;
	ret[AT_LENGTH] = q->n;
	number_put(ret + AT_NUMBER, 4, q->number);
	number_put(ret + AT_MOST, 4, q->most);
	number_put(ret + AT_TIME, 4, q->time_s);
	memcpy(ret + AT_NAME, q->name, q->n);
}

void
tally_answer_encode(const struct tally_answer *a, unsigned char ret[TALLY_ANSWER_OCTETS])
{
	memset(ret, 0, TALLY_ANSWER_OCTETS);
	ret[AT_RESULT] = (unsigned char)a->result;
	number_put(ret + AT_NUMBER, 4, a->number);
}

bool
tally_parse(const void *octets, size_t n, struct tally_query *ret)
{
	unsigned char copy[TALLY_OCTETS];
	struct tally_query q = { 0 };

	if (n != TALLY_OCTETS)
		return false;
	memcpy(copy, octets, sizeof copy);
	q.what = (enum tally_what)copy[AT_WHAT];
	q.n = copy[AT_LENGTH];
	q.number = (uint32_t)number_take(copy + AT_NUMBER, 4);
	q.most = (uint32_t)number_take(copy + AT_MOST, 4);
	q.time_s = (uint32_t)number_take(copy + AT_TIME, 4);
	memcpy(q.name, copy + AT_NAME, q.n);
	if (q.what < TALLY_MESSAGES || q.what > TALLY_RATE || q.n == 0 || q.most == 0 ||
	    q.most > TALLY_MOST_MAX || q.time_s == 0 || q.time_s > TALLY_TIME_MAX_S ||
	    !is_zero(copy + 2, 2) || !is_zero(copy + AT_NAME + q.n, TALLY_NAME_MAX - q.n))
		return false;
	*ret = q;
	return true;
}

bool
tally_answer_parse(const void *octets, size_t n, struct tally_answer *ret)
{
	unsigned char copy[TALLY_ANSWER_OCTETS];

	if (n != TALLY_ANSWER_OCTETS)
		return false;
	memcpy(copy, octets, sizeof copy);
	if (copy[AT_RESULT] > TALLY_UNKNOWN || !is_zero(copy + 1, 3))
		return false;
	*ret = (struct tally_answer){ (uint32_t)number_take(copy + AT_NUMBER, 4),
		(enum tally_result)copy[AT_RESULT] };
	return true;
}
