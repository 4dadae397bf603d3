// SPDX-License-Identifier: ISC
/*
 * A client has the first free place behind that of its hash.  When one leaves, those behind it move
 * up, so a search ends at an empty place.  A quarter of the places stays empty.
 */
#include "shared/holders.h"

#include <string.h>

void
holders_init(struct holders *h, struct holder *places, uint32_t size)
{
	*h = (struct holders){ places, size, 0 };
}

static uint32_t
first_place(const struct holders *h, const struct strangers_key *key)
{
	uint64_t v = (key->prefix ^ key->bits) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(v >> 32) & (h->size - 1);
}

/* Its place, or the empty one that it would get. */
static uint32_t
find_place(const struct holders *h, const struct strangers_key *key)
{
	uint32_t at = first_place(h, key);

	while (h->places[at].key.bits && (h->places[at].key.prefix != key->prefix ||
	    h->places[at].key.bits != key->bits))
		at = (at + 1) & (h->size - 1);
	return at;
}

static void
empty_place(struct holders *h, uint32_t at)
{
	uint32_t next = at;

	h->n--;
	for (;;) {
		uint32_t wants;

		h->places[at] = (struct holder){ .open = 0 };
		do {
			next = (next + 1) & (h->size - 1);
			if (!h->places[next].key.bits)
				return;
			wants = first_place(h, &h->places[next].key);
			/* It stays if its first place lies behind the gap. */
		} while (((next - wants) & (h->size - 1)) < ((next - at) & (h->size - 1)));
		h->places[at] = h->places[next];
		at = next;
	}
}

bool
holders_set(struct holders *h, const struct strangers_key *key, uint32_t open)
{
	const uint32_t at = find_place(h, key);
	struct holder *place = &h->places[at];

	if (!place->key.bits) {
		if (open == 0)
			return true;
		if (h->n >= h->size - h->size / 4)
			return false;
		h->n++;
	}
	*place = (struct holder){ *key, open };
	return true;
}

void
holders_told(struct holders *h, const struct strangers_key *key)
{
	const uint32_t at = find_place(h, key);

	if (h->places[at].key.bits && h->places[at].open == 0)
		empty_place(h, at);
}

void
holders_all_told(struct holders *h)
{
	for (uint32_t i = 0; i < h->size; i++)
		while (h->places[i].key.bits && h->places[i].open == 0)
			empty_place(h, i);
}

void
holders_clear(struct holders *h)
{
	memset(h->places, 0, h->size * sizeof *h->places);
	h->n = 0;
}
