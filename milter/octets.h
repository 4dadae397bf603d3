// SPDX-License-Identifier: ISC
/*
 * The parts of packets, for both sides.  Private to the room.
 */
#ifndef MILTER_OCTETS_H
#define MILTER_OCTETS_H

#include <stdint.h>

#include "base/buf.h"

/* Take four octets, or a string with its NUL, from the start of s.  False if it has none. */
bool milter_take_number(struct slice *s, uint32_t *ret);
bool milter_take_string(struct slice *s, struct slice *ret);

/*
 * Collect a packet in packet[], which has room for four octets of length and max more: octets of
 * *in are added to the *got octets that are there.  1 if the packet is complete, 0 if not, -1 if
 * its length cannot be.
 */
int milter_collect(char *packet, size_t max, size_t *got, struct slice *in);

void milter_put_number(struct buf *b, uint32_t v);

/* Start a packet; milter_close() ends it. */
size_t milter_open_packet(struct buf *out, char command);

#endif
