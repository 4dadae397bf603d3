// SPDX-License-Identifier: ISC
/*
 * Paths and mailboxes (RFC 5321 section 4.1.2 and 4.1.3, RFC 6531).  Pure.
 */
#ifndef SMTP_ADDRESS_H
#define SMTP_ADDRESS_H

#include "base/buf.h"

/*
 * RFC 5321 section 4.5.3.1 has the least sizes that a server must take: 64 octets of local part,
 * 256 of path.  Senders of VERP, BATV and SRS, and of UTF-8, need more.
 */
#define SMTP_LOCAL_MAX  1024
#define SMTP_DOMAIN_MAX 255	/* the DNS has no longer ones (RFC 1035 section 2.3.4) */
#define SMTP_PATH_MAX   2048	/* with the punctuation and a source route */

/* Octets of a path in canonical form. */
#define SMTP_PATH_TEXT	(SMTP_LOCAL_MAX + 1 + SMTP_DOMAIN_MAX)

/*
 * A mailbox in canonical form.  It has no source route, and its case is kept.  The local part is
 * quoted only if it must be: "Joe\,Smith"@b and "Joe,Smith"@b become the same text.
 */
struct smtp_path {
	char text[SMTP_PATH_TEXT + 1];	/* ends in a NUL too */
	size_t n;		/* 0: the null path <> */
	size_t local_n;		/* the domain follows the '@' at local_n, if n > local_n */
	bool utf8;		/* holds octets above 127 */
};

/* A path is mostly short, and its room is not: only the octets in use are copied. */
static inline void
smtp_path_copy(struct smtp_path *to, const struct smtp_path *from)
{
	copy_octets(to->text, from->text, from->n + 1);
	to->n = from->n;
	to->local_n = from->local_n;
	to->utf8 = from->utf8;
}

static inline void
smtp_path_clear(struct smtp_path *p)
{
	p->text[0] = '\0';
	p->n = p->local_n = 0;
	p->utf8 = false;
}

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

/* The local part in canonical form, with its quotes if it has some. */
static inline struct slice
smtp_path_local(const struct smtp_path *p)
{
	return slice_of(p->text, p->local_n);
}

/* Each flag allows one more form. */
enum smtp_path_flags {
	/* Blanks in front of '<' and inside the brackets, a mailbox without <>, and dots at any
	 * place of a local part. */
	SMTP_PATH_TOLERANT = 1,
	SMTP_PATH_NULL = 2,		/* <>, as a reverse-path */
	SMTP_PATH_NO_DOMAIN = 4,	/* <postmaster> in any case */
	SMTP_PATH_LOCAL_ONLY = 8,	/* any local part without a domain */
	/* The forms in which files and envelopes hold paths. */
	SMTP_PATH_LISTED = SMTP_PATH_TOLERANT | SMTP_PATH_LOCAL_ONLY,
};

enum smtp_path_result {
	SMTP_PATH_OK,
	SMTP_PATH_SYNTAX,
	SMTP_PATH_LOCAL_LONG,
	SMTP_PATH_DOMAIN_LONG,
	SMTP_PATH_LONG,
	SMTP_PATH_CONTROL,		/* a control character or NUL */
};

/*
 * Parse the path at the start of in.  *ret_rest is the rest behind it, with its leading blank.
 * Octets above 127 are parsed as UTF-8 and set ret->utf8; malformed UTF-8 is SMTP_PATH_SYNTAX.
 * The caller decides whether UTF-8 is allowed.
 */
enum smtp_path_result smtp_path_parse(struct slice in, unsigned flags, struct smtp_path *ret,
    struct slice *ret_rest);

/* Parse a path that is the whole of in.  False if a rest follows it; then *ret is untouched. */
bool smtp_path_parse_whole(struct slice in, unsigned flags, struct smtp_path *ret);

/* Make the path of a local part, without quotes, and a domain.  False if it is no path, or too
 * long. */
bool smtp_path_make(struct slice local, struct slice domain, struct smtp_path *ret);

/* Add the domain to a path that has none.  False, and no change, if it would become too long. */
bool smtp_path_qualify(struct smtp_path *p, struct slice domain);

/*
 * List the names under which a file may hold this address, the most exact first.  They are the
 * address and its local part, then both without the detail behind the delimiter (RFC 5233).  NUL
 * stands for no delimiter.  Return their number, from 1 to SMTP_NAMES_MAX.
 */
#define SMTP_NAMES_MAX 4
size_t smtp_path_names(const struct smtp_path *p, char delimiter,
    struct smtp_path ret[SMTP_NAMES_MAX]);

/* "user" of "user+detail"; all of it without the delimiter, or with nothing in front of it. */
struct slice smtp_local_user(struct slice local, char delimiter);

/*
 * A domain or address literal, as in EHLO (RFC 5321 section 4.1.1.1).  If strict, a domain has
 * letters, digits and hyphens only.  Otherwise any printable name without blanks is valid, of any
 * length: it proves nothing, and the trace replaces what could break its line.
 */
bool smtp_domain_valid(struct slice domain, bool strict);
/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3). */
bool smtp_address_literal_valid(struct slice literal);

/* Add the local part to b, without backslashes and quotes if it is quoted. */
void smtp_local_unquote(struct slice local, struct buf *b);

#endif
