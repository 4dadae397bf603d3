// SPDX-License-Identifier: ISC
/*
 * A whole terminal: it is taken, drawn on, asked for keys, and given back as it was, also before a
 * stop (^Z) and at the end by a signal.
 */
#ifndef TOOLS_QUEUE_SCREEN_H
#define TOOLS_QUEUE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

enum screen_event { SCREEN_TIME, SCREEN_KEY, SCREEN_RESIZED, SCREEN_QUIT };

/* Take the terminal of standard input and output.  0 or -errno. */
int screen_open(void);
/* Give it back. */
void screen_close(void);

/* Rows and columns of the terminal. */
void screen_size(size_t *ret_rows, size_t *ret_columns);

/* Draw a page of lines that fit the screen. */
void screen_draw(const char *page, size_t n);

/* Wait for a key or a signal, or until the time is over. */
enum screen_event screen_wait(int ms);

#endif
