// SPDX-License-Identifier: ISC
#include "config/rate.h"

#include "tests/lib/tap.h"

static const char list[] = "100/1h anna=5/1min a=b@x.example=7/1d robot=any";

static const struct {
	const char *user;
	uint64_t n, ms;
	const char *name;
} users[] = {
	{ "ben", 100, 3600000, "a user without a rate has that of all" },
	{ "anna", 5, 60000, "a user with a rate has it" },
	{ "Anna", 100, 3600000, "names differ by case" },
	{ "a=b@x.example", 7, 86400000, "a name may have the sign" },
	{ "robot", 0, 0, "a user may have any rate" },
	{ "", 100, 3600000, "an empty name is none of them" },
};

static const struct {
	const char *text;
	int words;		/* -1: it is no list */
	const char *name;
} lists[] = {
	{ "", 0, "nothing is no limit" },
	{ "1/1s", 1, "the least" },
	{ "1000000/1d", 1, "the most" },
	{ "1000001/1d", -1, "more than the most" },
	{ "0/1d", -1, "none at all" },
	{ "5/999ms", -1, "less than a second" },
	{ "5/86401s", -1, "more than a day" },
	{ "5", -1, "without a time" },
	{ "any", -1, "any rate for all is no word" },
	{ "=5/1h", -1, "a name without octets" },
	{ "anna=", -1, "a name without a rate" },
	{ "anna=5/1h  ben=6/1h", 2, "two users, and no limit for others" },
};

int
main(void)
{
	struct rate_word word;

	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
		const struct rate_value v = rate_of_user(slice_str(list),
		    slice_str(users[i].user));

		ok(v.n == users[i].n && v.ms == users[i].ms, "%s", users[i].name);
	}
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct slice rest = slice_str(lists[i].text);
		int n = 0, r;

		while ((r = rate_next(&rest, &word)) > 0)
			n++;
		ok((r < 0 ? -1 : n) == lists[i].words, "%s", lists[i].name);
	}
	return tap_done();
}
