// SPDX-License-Identifier: ISC
/*
 * The journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram is one entry
 * with fields.
 */
#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

#include "base/buf.h"

/* Connect to the journal; the connection lasts until the process ends.  False if there is no
 * journal; journal_send() then returns false as well. */
bool journal_open(void);

/* Append "SMTP_KEY=" for a key of ours.  The caller appends the value, without control characters,
 * and LF. */
void journal_key(struct buf *fields, const char *key);

/* Send one entry: a message of one line, fields begun with journal_key(), and the identifier of its
 * kind (NULL: none).  False if it was not sent. */
bool journal_send(unsigned priority, const char *program, struct slice message,
    struct slice fields, const char *id);

#endif
