// SPDX-License-Identifier: ISC
/*
 * A domain stands for the names beneath it too.
 */
#include "config/exempt.h"

#include "base/name.h"
#include "base/words.h"

int
exempt_next(struct slice *rest, struct slice *ret_word, struct cidr *ret_net)
{
	*ret_word = words_next(rest);
	if (ret_word->n == 0)
		return 0;
	if (cidr_parse(*ret_word, ret_net))
		return 1;
	return name_is_domain(*ret_word) ? 2 : -1;
}
