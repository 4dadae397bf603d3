// SPDX-License-Identifier: ISC
/*
 * The log: one line per event, `event key=value key="two words"`.  It goes to the journal if fd 2
 * is the journal ($JOURNAL_STREAM), with a field SMTP_KEY for each key.  It goes to syslog
 * (/dev/log) if fd 2 is another socket or /dev/null, else to fd 2.  It never goes to a client's
 * socket: under xinetd fd 2 *is* the client, so log_open() puts /dev/null there.  Only the mains,
 * session/, runner/, config/options.c and tools/queue/act.c log.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"

enum log_level {		/* the numbers of syslog (RFC 3164 section 4.1.1) */
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
};

struct log_line {
	enum log_level level;
	struct buf b;
	struct buf fields;	/* the same fields for the journal */
	const char *id;		/* of the kind of line, for the journal; NULL: none */
	char text[2000];
	char fields_text[5000];
};

/* Decide where the log goes, and keep the program's name (borrowed).  Call it once, before anything
 * else. */
void log_open(const char *program);

/* Send the log to the journal or to syslog from now on, whatever fd 2 is.  An operator's command
 * needs both: fd 2 for the operator, the log for later questions. */
void log_to_system(void);

/* A sandbox follows, in which no socket can be made.  A log of syslog that ends after this is not
 * found again. */
void log_seal(void);

/* Does the log go to fd 2?  Then text written directly to fd 2 has the same reader. */
bool log_on_stderr(void);

/* Start a line: l is the caller's.  Follow with the fields, then log_end(). */
void log_begin(struct log_line *l, enum log_level level, const char *event);

/* Add a field.  A value with blanks, quotes or `=` is quoted, and one that does not fit is cut with
 * "...".  Control characters and invalid UTF-8 are escaped, so that a peer cannot forge a line. */
void log_str(struct log_line *l, const char *key, struct slice value);
void log_uint(struct log_line *l, const char *key, uint64_t value);

/* Send the line with one write or one datagram. */
void log_end(struct log_line *l);

/* Log a sentence, for a fault on this machine and not at a peer. */
__attribute__((format(printf, 2, 3))) void log_text(enum log_level level, const char *format, ...);

#endif
