// SPDX-License-Identifier: ISC
#include "shared/holders.h"

#include "tests/lib/tap.h"

#define SIZE 64

/* The connections of a client, by a search of all places. */
static uint32_t
open_of(const struct holders *h, uint64_t prefix)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->size; i++)
		if (h->places[i].key.bits && h->places[i].key.prefix == prefix)
			n += h->places[i].open;
	return n;
}

static bool
set(struct holders *h, uint64_t prefix, uint32_t open)
{
	const struct strangers_key key = { prefix, 64 };
	const bool known = holders_set(h, &key, open);

	holders_told(h, &key);
	return known;
}

/* Many changes of few clients, so that chains of places form; compared with a plain array. */
static bool
agree_after(struct holders *h, unsigned seed, unsigned changes)
{
	uint32_t plain[SIZE / 2] = { 0 }, n = 0;

	for (unsigned i = 0; i < changes; i++) {
		unsigned client, open;

		seed = seed * 1103515245 + 12345;
		client = (seed >> 16) % (SIZE / 2);
		open = (seed >> 8) % 3;
		if (!set(h, client, open))
			return false;
		plain[client] = open;
	}
	/* Those that end while Redis is away stay until a renewal. */
	for (unsigned i = 0; i < SIZE / 2; i += 3) {
		if (!holders_set(h, &(struct strangers_key){ i, 64 }, 0))
			return false;
		plain[i] = 0;
	}
	holders_all_told(h);
	for (unsigned i = 0; i < SIZE / 2; i++) {
		n += plain[i] != 0;
		if (open_of(h, i) != plain[i])
			return false;
	}
	return h->n == n;
}

int
main(void)
{
	static struct holder places[SIZE];
	struct holders h;
	unsigned good = 0, n = 0;

	holders_init(&h, places, SIZE);
	ok(set(&h, 1, 2) && open_of(&h, 1) == 2 && h.n == 1, "a client");
	ok(set(&h, 1, 3) && open_of(&h, 1) == 3 && h.n == 1, "it has one more connection");
	ok(set(&h, 1, 0) && open_of(&h, 1) == 0 && h.n == 0, "it leaves");
	ok(set(&h, 1, 1) && holders_set(&h, &(struct strangers_key){ 1, 64 }, 0) && h.n == 1,
	    "it stays until Redis knows of its end");
	holders_all_told(&h);
	ok(h.n == 0, "and no longer");
	ok(set(&h, 2, 0) && h.n == 0, "a client that is not there leaves");
	for (unsigned seed = 0; seed < 200; seed++) {
		holders_clear(&h);
		good += agree_after(&h, seed, 500);
	}
	ok(good == 200, "any order of changes gives what a plain array has");
	holders_clear(&h);
	ok(h.n == 0 && open_of(&h, 1) == 0, "cleared");
	while (n < SIZE && set(&h, n, 1))
		n++;
	ok(n == SIZE * 3 / 4 && !set(&h, 1000, 1), "a quarter of the places stays empty");
	ok(set(&h, 3, 5) && open_of(&h, 3) == 5, "a client of a full table changes");
	ok(set(&h, 3, 0) && set(&h, 1000, 1), "and its place is free after it");
	return tap_done();
}
