// SPDX-License-Identifier: ISC
/*
 * Paths and mailboxes (RFC 5321 section 4.1.2 and 4.1.3, RFC 6531).  Pure.
 */
#ifndef SMTP_ADDRESS_H
#define SMTP_ADDRESS_H

#include "base/buf.h"

#define SMTP_LOCAL_MAX  64
#define SMTP_DOMAIN_MAX 255
#define SMTP_PATH_MAX   256	/* RFC 5321 section 4.5.3.1.3: with the punctuation */

/* A mailbox in canonical form: source route stripped, local part quoted only where it must
 * be (so "Joe\,Smith"@b and "Joe,Smith"@b are the same text), case kept. */
struct smtp_path {
	char text[SMTP_LOCAL_MAX * 2 + 2 + 1 + SMTP_DOMAIN_MAX + 1];	/* NUL-terminated too */
	size_t n;		/* 0: the null path <> */
	size_t local_n;		/* the domain follows the '@' at local_n, if n > local_n */
	bool utf8;		/* holds octets above 127 */
};

static inline struct slice
smtp_path_text(const struct smtp_path *p)
{
	return slice_of(p->text, p->n);
}

static inline struct slice
smtp_path_domain(const struct smtp_path *p)
{
	return p->n > p->local_n ? slice_of(p->text + p->local_n + 1, p->n - p->local_n - 1)
				 : slice_of(p->text, 0);
}

/* The local part as written in canonical form: with its quotes where it has some. */
static inline struct slice
smtp_path_local(const struct smtp_path *p)
{
	return slice_of(p->text, p->local_n);
}

enum smtp_path_flags {
	SMTP_PATH_TOLERANT = 1,		/* blanks before '<', a mailbox without <> */
	SMTP_PATH_NULL = 2,		/* <> allowed: a reverse-path */
	SMTP_PATH_NO_DOMAIN = 4,	/* <postmaster> (any case) allowed; with it also */
	SMTP_PATH_LOCAL_ONLY = 8,	/* any local part without a domain (VRFY, files of recipients) */
	SMTP_PATH_LISTED = SMTP_PATH_TOLERANT | SMTP_PATH_LOCAL_ONLY,	/* as files and envelopes hold paths */
};

enum smtp_path_result {
	SMTP_PATH_OK,
	SMTP_PATH_SYNTAX,
	SMTP_PATH_LOCAL_LONG,		/* section 4.5.3.1.1 */
	SMTP_PATH_DOMAIN_LONG,
	SMTP_PATH_LONG,
	SMTP_PATH_CONTROL,		/* a control character or NUL */
};

/* The path at the start of in; *ret_rest is what follows it, with its leading blank.  Octets above 127 are parsed
 * as UTF-8 and flagged in ret->utf8 (malformed UTF-8 is SYNTAX); whether they may come is the caller's question. */
enum smtp_path_result smtp_path_parse(struct slice in, unsigned flags, struct smtp_path *ret,
    struct slice *ret_rest);

/* in is one path of these flags and nothing else.  Without a path, or with a rest behind it, *ret is not touched. */
bool smtp_path_parse_whole(struct slice in, unsigned flags, struct smtp_path *ret);

/* Give a path that is a local part only this domain.  False where it would be too long; then it stays as it is. */
bool smtp_path_qualify(struct smtp_path *p, struct slice domain);

/*
 * The names under which a file may know this address, most exact first: itself, its local part alone, and the same without
 * what follows the delimiter (RFC 5233; NUL: none), as in user+detail.  Returns how many, from 1 to SMTP_NAMES_MAX.
 */
#define SMTP_NAMES_MAX 4
size_t smtp_path_names(const struct smtp_path *p, char delimiter, struct smtp_path ret[SMTP_NAMES_MAX]);

/* "user" of "user+detail"; without the delimiter, or with nothing in front of it, all of it. */
struct slice smtp_local_user(struct slice local, char delimiter);

/* A domain or address literal, as in EHLO (section 4.1.1.1, 4.1.3); strict: LDH only (section 4.1.2);
 * otherwise any printable ASCII without blanks and specials that could break a trace line. */
bool smtp_domain_valid(struct slice domain, bool strict);
/* "[192.0.2.1]", "[IPv6:2001:db8::1]". */
bool smtp_address_literal_valid(struct slice literal);

/* The text that a quoted local part stands for: backslashes and quotes removed. */
void smtp_local_unquote(struct slice local, struct buf *b);

#endif
