// SPDX-License-Identifier: ISC
/*
 * --print: a server for debugging.  Each accepted message is written to a descriptor at once,
 * whole, and never mixed with the message of another session.  On a terminal, '?' replaces octets
 * that it would obey.
 */
#ifndef SESSION_PRINT_H
#define SESSION_PRINT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/slice.h"

struct print {
	int out;		/* the target; borrowed */
	bool terminal;		/* it would obey escape sequences */
	int fd;			/* memfd of the message that is composed; -1: none */
	int error;		/* the first, -errno */
};

/* out: -1 if nothing is to be printed. */
void print_init(struct print *p, int out);

/* A new message.  One that was begun is dropped. */
void print_begin(struct print *p);
/* Add a line of the envelope: "Peer: 192.0.2.1". */
void print_line(struct print *p, const char *word, struct slice text);
/* Add a line of the envelope with a path: "MAIL FROM:<a@b> BODY=8BITMIME". */
void print_path(struct print *p, const char *word, struct slice path, struct slice params);
/* Add the text from octet `at` of content on (borrowed), with LF for CRLF.  Then write the message
 * under a lock.  0 or -errno. */
int print_message(struct print *p, int content, off_t at);
void print_drop(struct print *p);

#endif
