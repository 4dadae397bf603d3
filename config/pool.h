// SPDX-License-Identifier: ISC
/*
 * Memory for the few small things that a program keeps from its start to its end, such as its
 * configuration.  A static pool serves them before malloc(3) does: setting up a heap costs a fresh
 * process more than reading the configuration (bench/startup: 30 of 160 us), and a session needs no
 * heap for anything else.
 */
#ifndef CONFIG_POOL_H
#define CONFIG_POOL_H

#include "base/slice.h"

/* As malloc(3), realloc(3) and free(3).  pool_free() also takes memory of malloc(3), but free(3)
 * must not get memory of the pool.  Only the chunk that was taken last can be freed for reuse. */
void *pool_alloc(size_t n);
void *pool_realloc(void *p, size_t n);
void pool_free(void *p);

/* A copy of s as a C string; NULL without memory. */
char *pool_copy(struct slice s);

/* Free *at and put a copy of s there, or NULL if s is empty.  0, or -ENOMEM with *at unchanged. */
int pool_replace(char **at, struct slice s);

#endif
