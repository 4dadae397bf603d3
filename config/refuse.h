// SPDX-License-Identifier: ISC
/*
 * The refusal of a value.  Its text names the form that is accepted.
 */
#ifndef CONFIG_REFUSE_H
#define CONFIG_REFUSE_H

#include <errno.h>

#include "base/buf.h"

static inline int
refuse(struct buf *why, const char *text)
{
	buf_str(why, text);
	return -EINVAL;
}

/* The text follows the word that is wrong, of which 50 octets are shown. */
static inline int
refuse_word(struct buf *why, struct slice word, const char *text)
{
	buf_add(why, slice_of(word.p, word.n < 50 ? word.n : 50));
	return refuse(why, text);
}

#endif
