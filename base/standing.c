// SPDX-License-Identifier: ISC
#include "base/standing.h"

static const struct {
	const char *word;
	bool has_user;
} standings[STANDINGS] = {
	[STANDING_STRANGER] = { "stranger", false },
	[STANDING_USER] = { "user", true },
	[STANDING_OWNER] = { "owner", true },
	[STANDING_TRUSTED] = { "trusted", false },
};

const char *
standing_word(enum standing standing)
{
	return standings[standing].word;
}

bool
standing_has_user(enum standing standing)
{
	return standings[standing].has_user;
}

bool
standing_parse(struct slice text, enum standing *ret, struct slice *ret_user)
{
	struct slice user, word = slice_cut(text, ' ', &user);

	for (size_t i = 0; i < STANDINGS; i++) {
		if (!slice_eq(word, slice_str(standings[i].word)))
			continue;
		if (standings[i].has_user != (user.n > 0) || (user.n == 0 && word.n != text.n))
			return false;
		*ret = (enum standing)i;
		*ret_user = user;
		return true;
	}
	return false;
}
