// SPDX-License-Identifier: ISC
/*
 * Numbers of frames: so many octets, at most 8, in network order.
 */
#ifndef SHARED_NUMBER_H
#define SHARED_NUMBER_H

#include <stddef.h>
#include <stdint.h>

void number_put(unsigned char *to, size_t n, uint64_t v);
uint64_t number_take(const unsigned char *from, size_t n);

#endif
