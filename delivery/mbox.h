// SPDX-License-Identifier: ISC
/*
 * A message as final delivery leaves it: LF line ends, Return-Path first (RFC 5321 section 4.4), Delivered-To.
 * Private to the room.
 */
#ifndef DELIVERY_MBOX_H
#define DELIVERY_MBOX_H

#include "notice/original.h"

/* Has a Delivered-To with this address been put there already?  1, 0, or -errno. */
int mbox_loops(const struct queue_entry *e, struct slice address);

/* Write it to fd; address is for Delivered-To, none when empty.  0 or -errno. */
int mbox_write(int fd, const struct queue_entry *e, struct slice address);

#endif
