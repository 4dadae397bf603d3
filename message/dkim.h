// SPDX-License-Identifier: ISC
/*
 * Signatures of DomainKeys (RFC 6376): the octets that a signature covers, and the text of its
 * field.  The canonical forms are relaxed/relaxed, and simple for a body.  Pure; the cost is linear
 * in the octets, and the body streams by.  The octets are hashed and signed elsewhere (base/digest,
 * base/sign).
 */
#ifndef MESSAGE_DKIM_H
#define MESSAGE_DKIM_H

#include "base/buf.h"

#define DKIM_FIELD_MAX 3000	/* octets of one DKIM-Signature field */
#define DKIM_SAME_MAX  8	/* fields of one name that a signature can cover */
#define DKIM_NAMES     25	/* names of fields that a signature covers */

/* Takes octets in canonical form. */
struct dkim_sink {
	void (*take)(void *ctx, struct slice octets);
	void *ctx;
};

/* ---- the body ---- */

struct dkim_body {
	const struct dkim_sink *sink;
	uint64_t empty;		/* empty lines that are not put yet: they may be the last */
	bool blank;		/* blanks that are not put yet: they may end the line */
	bool cr;		/* a CR that may begin a line end */
	bool line;		/* the line has octets */
	bool simple;		/* blanks stay (RFC 6376 section 3.4.3); set behind begin */
	bool any;		/* an octet was put */
	size_t n;
	char block[4096];
};

void dkim_body_begin(struct dkim_body *b, const struct dkim_sink *sink);
void dkim_body_take(struct dkim_body *b, struct slice octets);
void dkim_body_end(struct dkim_body *b);

/* ---- the header section ---- */

/* Put a field in its canonical form, with CRLF. */
void dkim_field(struct slice name, struct slice body, const struct dkim_sink *sink);

struct dkim_header {
	struct {
		struct slice name, body;	/* borrowed */
	} fields[DKIM_NAMES][DKIM_SAME_MAX];
	size_t n[DKIM_NAMES];			/* of each name */
};

/* Find the fields that are signed in a header section.  NULL; or the reason, a literal, why the
 * message cannot have a signature on which all verifiers agree. */
const char *dkim_header(struct slice section, struct dkim_header *ret);

/* The domain of the author as it is written.  Empty if From has no address, or addresses of more
 * than one domain. */
struct slice dkim_author(const struct dkim_header *h, struct buf *space);

/* Put the fields in the order of the tag h=. */
void dkim_header_put(const struct dkim_header *h, const struct dkim_sink *sink);

/* ---- the field ---- */

struct dkim_tags {
	const char *algorithm;
	struct slice domain, selector;
	uint64_t time_s;
	struct slice body_hash;			/* octets */
};

/* Append the field up to the value of its last tag, b=. */
void dkim_sign_begin(struct buf *b, const struct dkim_tags *tags, const struct dkim_header *h);

/* Put that field in its canonical form: the last octets that are signed. */
void dkim_sign_put(struct slice field, const struct dkim_sink *sink);

/* Append the signature and the line end. */
void dkim_sign_end(struct buf *b, struct slice signature);

/* Are the octets whole DKIM-Signature fields, in ASCII, with short lines?  For octets from another
 * process. */
bool dkim_fields_valid(struct slice octets);

#endif
