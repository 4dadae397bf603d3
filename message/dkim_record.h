// SPDX-License-Identifier: ISC
/*
 * The DNS record of a key (RFC 6376 section 3.6.1).  Pure.
 */
#ifndef MESSAGE_DKIM_RECORD_H
#define MESSAGE_DKIM_RECORD_H

#include "base/buf.h"

#define DKIM_RECORD_MAX 1000

/* Append the text: "v=DKIM1; k=rsa; p=...".  type is "rsa" or "ed25519". */
void dkim_record(struct buf *b, const char *type, struct slice public);

/* The reason why a record is not the one of this key, a literal; NULL: verifiers take it. */
const char *dkim_record_fault(struct slice text, const char *type, struct slice public);

#endif
