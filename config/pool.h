// SPDX-License-Identifier: ISC
/*
 * Memory for the few small things that a program keeps from its start to its end, such as its configuration.  A static
 * pool serves them before malloc(3) does: setting up a heap costs a fresh process more than reading the
 * configuration itself (bench/startup: 30 of 160 us), and a session needs one for nothing else.
 */
#ifndef CONFIG_POOL_H
#define CONFIG_POOL_H

#include <stddef.h>

/* As malloc(3), realloc(3) and free(3); not for memory of theirs, nor they for this, but that pool_free()
 * takes both.  What is freed comes back to the pool only when nothing was taken after it. */
void *pool_alloc(size_t n);
void *pool_realloc(void *p, size_t n);
void pool_free(void *p);

#endif
