// SPDX-License-Identifier: ISC
/*
 * Messages are written to standard output.
 */
#ifndef DELIVERY_PRINT_H
#define DELIVERY_PRINT_H

#include "attempt/attempt.h"

/* Print e once for its recipients rcpts[0..n).
 * The sink gets each of them exactly once. */
void deliver_print(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);

#endif
