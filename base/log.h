// SPDX-License-Identifier: ISC
/*
 * The log: one line an event, `event key=value key="two words"`.  Goes to the
 * journal when fd 2 is the journal ($JOURNAL_STREAM), with a field SMTP_KEY for each
 * key; to syslog (/dev/log) when fd 2 is a socket or /dev/null, else to fd 2.  Never to
 * a client's socket: under xinetd fd 2 *is* the client, so log_open() puts /dev/null there.
 * Only the mains log.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"

enum log_level {		/* syslog's numbers */
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

struct log_line {
	enum log_level level;
	struct buf b;
	struct buf fields;	/* the same for the journal */
	char text[2000];
	char fields_text[5000];
};

/* Decide where the log goes and remember the program's name (borrowed).  Call once, first. */
void log_open(const char *program);

/* From here on the log goes to the journal or to syslog, whatever fd 2 is: what a command does is for both, who has
 * typed it and who asks later. */
void log_to_system(void);

/* Does the log go to fd 2, so that what is written there directly reaches the same reader? */
bool log_on_stderr(void);

/* A line: begin, its fields in order, end (which writes it with one write or one
 * datagram).  Values are quoted where they hold blanks, quotes or `=`; control
 * characters and invalid UTF-8 are escaped, so no peer can forge a line.  A value that does not fit
 * is cut with "...". */
void log_begin(struct log_line *l, enum log_level level, const char *event);
void log_str(struct log_line *l, const char *key, struct slice value);
void log_uint(struct log_line *l, const char *key, uint64_t value);
void log_end(struct log_line *l);

/* A sentence, for what goes wrong here and not at a peer. */
__attribute__((format(printf, 2, 3))) void log_text(enum log_level level, const char *format, ...);

#endif
