// SPDX-License-Identifier: ISC
/*
 * The journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): an entry with fields is one
 * datagram.  base/log.c's, for a standard error that is the journal.
 */
#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

#include "base/buf.h"

/* Connect, for the life of the process.  Where there is no journal: false, and journal_send() says so, too. */
bool journal_open(void);

/* "SMTP_KEY=" of an own key.  The value, without control characters, and a LF go behind it. */
void journal_key(struct buf *fields, const char *key);

/* One entry: the message, which is a line, and the fields that were put together.  False: not sent. */
bool journal_send(unsigned priority, const char *program, struct slice message, struct slice fields);

#endif
