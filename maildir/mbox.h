// SPDX-License-Identifier: ISC
/*
 * A message in the form of mailboxes: lines end in LF, Return-Path comes first, then Delivered-To
 * (RFC 5321 section 4.4).
 */
#ifndef MAILDIR_MBOX_H
#define MAILDIR_MBOX_H

#include "attempt/original.h"

/* Does e have a Delivered-To field with this address?  1, 0, or -errno. */
int mbox_loops(const struct queue_entry *e, struct slice address);

/* Write e to fd.  address is for Delivered-To; empty: no such field.  terminal: '?' replaces octets
 * that a terminal would obey.  0 or -errno. */
int mbox_write(int fd, const struct queue_entry *e, struct slice address, bool terminal);

#endif
