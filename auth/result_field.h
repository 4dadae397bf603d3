// SPDX-License-Identifier: ISC
/*
 * The value of a field Authentication-Results (RFC 8601).  Pure.
 */
#ifndef AUTH_RESULT_FIELD_H
#define AUTH_RESULT_FIELD_H

#include "base/buf.h"

/* Begin with our name.  Lines end in LF, as a milter writes them. */
void result_begin(struct buf *b, struct slice hostname);

/* A method with its result, both literals; then its reason and its properties. */
void result_method(struct buf *b, const char *method, const char *result);
/* why: a literal; NULL: none. */
void result_reason(struct buf *b, const char *why);
/* value is a stranger's.  Octets that no such value has become '?'. */
void result_property(struct buf *b, const char *name, struct slice value);

/* If no method was added: "none". */
void result_end(struct buf *b, bool any);

#endif
