// SPDX-License-Identifier: ISC
/*
 * The result of TLS in one session with an exchanger, for a report to its domain (RFC 8460).  It is
 * a line of text in a file, or a struct from a process that talks to strangers, so each octet is
 * checked.
 */
#ifndef POLICY_TLS_RESULT_H
#define POLICY_TLS_RESULT_H

#include "base/buf.h"

/* The policy that counted (RFC 8460 section 4.4). */
enum tls_result_policy {
	TLS_RESULT_NO_POLICY,
	TLS_RESULT_STS,
	TLS_RESULT_TLSA,
	TLS_RESULT_POLICIES
};

/* RFC 8460 section 4.3. */
enum tls_result_type {
	TLS_RESULT_SUCCESS,
	TLS_RESULT_STARTTLS_NOT_SUPPORTED,
	TLS_RESULT_HOST_MISMATCH,
	TLS_RESULT_EXPIRED,
	TLS_RESULT_NOT_TRUSTED,
	TLS_RESULT_VALIDATION_FAILURE,
	TLS_RESULT_TLSA_INVALID,
	TLS_RESULT_DNSSEC_INVALID,
	TLS_RESULT_STS_FETCH_ERROR,
	TLS_RESULT_STS_INVALID,
	TLS_RESULT_STS_WEBPKI_INVALID,
	TLS_RESULT_TYPES
};

#define TLS_RESULT_LINE_MAX 3072	/* octets with LF */

struct tls_result {
	enum tls_result_policy policy;
	enum tls_result_type result;
	char mx[256];			/* the exchanger; "": none was reached */
	char ours[64], theirs[64];	/* addresses; "": not connected */
	/* The lines of the policy, each with a "|" behind it.  Those that do not fit are left
	 * out. */
	char text[1536];
	char reason[320];		/* of a failure, for people; "": none */
};

/* The words of RFC 8460. */
const char *tls_result_policy_word(enum tls_result_policy policy);
const char *tls_result_type_word(enum tls_result_type result);

/* Add a line to s->text.  Octets that a line of a file must not have become '?'. */
void tls_result_add_text(struct tls_result *s, struct slice line);

/* Set the reason, cut if it is too long. */
void tls_result_set_reason(struct tls_result *s, struct slice reason);

/* Is each field valid?  s may come from a process that a stranger has taken over. */
bool tls_result_valid(const struct tls_result *s);

/* Append a line with its LF.  s must be valid, and domain the name of a domain. */
void tls_result_write(struct buf *b, const struct tls_result *s, struct slice domain,
    int64_t now_s);

/* A line as it is read; all is borrowed. */
struct tls_result_line {
	int64_t time_s;
	struct slice domain;
	enum tls_result_policy policy;
	enum tls_result_type result;
	struct slice mx, ours, theirs;	/* empty: not known */
	struct slice text, reason;
};

/* Read a line without its LF.  False if it is none that tls_result_write() writes. */
bool tls_result_read(struct slice line, struct tls_result_line *ret);

#endif
