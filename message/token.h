// SPDX-License-Identifier: ISC
/*
 * The tokens of a field that holds addresses (RFC 5322 section 3.2).  Pure.
 */
#ifndef MESSAGE_TOKEN_H
#define MESSAGE_TOKEN_H

#include "base/slice.h"

enum token_kind {
	TOKEN_END,		/* no octets are left */
	TOKEN_SPACE,		/* a blank, an octet of a line end, or a comment */
	TOKEN_WORD,		/* a quoted string, a domain literal, or a run of other octets */
	TOKEN_SIGN,		/* one of < > , ; : @ */
	TOKEN_BAD,		/* anything else, such as a comment without its end */
};

struct token {
	enum token_kind kind;
	struct slice octets;
};

/* Takes the first token from *rest, which must not change after TOKEN_END and TOKEN_BAD. */
struct token token_next(struct slice *rest);

#endif
