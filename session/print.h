// SPDX-License-Identifier: ISC
/*
 * --print: the debugging server.  Each accepted message appears at once on a terminal (or wherever the
 * descriptor leads), whole and never mixed with another session's.
 */
#ifndef SESSION_PRINT_H
#define SESSION_PRINT_H

#include <sys/types.h>

#include "base/slice.h"

struct print {
	int out;		/* borrowed: where to */
	int fd;			/* memfd of the message that is being put together, -1 when there is none */
	int error;		/* the first, -errno */
};

void print_init(struct print *p, int out);

/* A new message: drops what was begun. */
void print_begin(struct print *p);
/* Lines of its envelope: "Peer: 192.0.2.1", "MAIL FROM:<a@b> BODY=8BITMIME".  word is a literal. */
void print_line(struct print *p, const char *word, struct slice text);
void print_path(struct print *p, const char *word, struct slice path, struct slice params);
/* Its text from octet `at` on of content (borrowed), CRLF shown as LF; then the whole goes out under a lock.
 * 0 or -errno. */
int print_message(struct print *p, int content, off_t at);
void print_drop(struct print *p);

#endif
