// SPDX-License-Identifier: ISC
/*
 * Copying few octets at a time.
 */
#ifndef BASE_COPY_H
#define BASE_COPY_H

#include <stddef.h>

/* As memcpy(3).  It is faster if n is small and not known to the compiler. */
void copy_octets(char *to, const char *from, size_t n);

#endif
