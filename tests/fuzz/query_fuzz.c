// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "config/redis.h"
#include "shared/holders.h"
#include "shared/query.h"
#include "shared/tally.h"
#include "tests/fuzz/fuzz.h"

#define PLACES 16

/* The octets of a frame that is accepted are the only ones for it. */
static void
try_query(const uint8_t *data, struct holders *h)
{
	unsigned char again[QUERY_OCTETS];
	struct query q;

	if (!query_parse(data, QUERY_OCTETS, &q))
		return;
	query_encode(&q, again);
	if (memcmp(again, data, sizeof again) != 0)
		abort();
	if (q.key.bits && holders_set(h, &q.key, q.open) && q.kind == QUERY_OPEN)
		holders_told(h, &q.key);
	else if (q.kind == QUERY_FORGET)
		holders_clear(h);
}

static void
try_answer(const uint8_t *data)
{
	unsigned char again[QUERY_ANSWER_OCTETS];
	struct query_answer a;

	if (!query_answer_parse(data, QUERY_ANSWER_OCTETS, &a))
		return;
	query_answer_encode(&a, again);
	if (memcmp(again, data, sizeof again) != 0)
		abort();
}

/* The same for the frames of a session. */
static void
try_tally(const uint8_t *data)
{
	unsigned char again[TALLY_OCTETS];
	struct tally_query q;

	if (!tally_parse(data, TALLY_OCTETS, &q))
		return;
	tally_encode(&q, again);
	if (memcmp(again, data, sizeof again) != 0)
		abort();
}

static void
try_tally_answer(const uint8_t *data)
{
	unsigned char again[TALLY_ANSWER_OCTETS];
	struct tally_answer a;

	if (!tally_answer_parse(data, TALLY_ANSWER_OCTETS, &a))
		return;
	tally_answer_encode(&a, again);
	if (memcmp(again, data, sizeof again) != 0)
		abort();
}

/* A process beside a listener as far as its table goes; answers; and the octets as a place. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct holder places[PLACES] = { 0 };
	struct holders h;
	struct redis_place place;
	const char *why = NULL;
	uint32_t n = 0;

	holders_init(&h, places, PLACES);
	for (size_t at = 0; at + QUERY_OCTETS <= size; at += QUERY_OCTETS)
		try_query(data + at, &h);
	holders_all_told(&h);
	for (size_t i = 0; i < PLACES; i++)
		n += places[i].key.bits != 0;
	if (n != h.n || n > PLACES - PLACES / 4)
		abort();
	for (size_t at = 0; at + QUERY_ANSWER_OCTETS <= size; at += QUERY_ANSWER_OCTETS)
		try_answer(data + at);
	for (size_t at = 0; at + TALLY_OCTETS <= size; at += TALLY_OCTETS)
		try_tally(data + at);
	for (size_t at = 0; at + TALLY_ANSWER_OCTETS <= size; at += TALLY_ANSWER_OCTETS)
		try_tally_answer(data + at);
	if (!redis_place_parse(slice_of((const char *)data, size), &place, &why) && !why)
		abort();
	return 0;
}
