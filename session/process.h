// SPDX-License-Identifier: ISC
/*
 * What a handler does with its own process before it looks at anything else.
 */
#ifndef SESSION_PROCESS_H
#define SESSION_PROCESS_H

#include <stdbool.h>

/* What it creates is private, and neither a core nor new privileges are to be had. */
void process_prepare(void);

bool process_is_socket(int fd);

/* The TCP port a socket is bound to; 0 for anything else. */
unsigned process_port(int fd);

#endif
