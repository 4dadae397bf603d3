// SPDX-License-Identifier: ISC
/*
 * A MIME entity (RFC 2045 section 2.4): a message or a part of one, and the properties that decide
 * how it can be encoded.  Pure; all slices point into the octets that were given.
 */
#ifndef MESSAGE_ENTITY_H
#define MESSAGE_ENTITY_H

#include "base/buf.h"

#define MIME_BOUNDARY_MAX 70	/* RFC 2046 section 5.1.1 */

enum mime_kind {
	MIME_TEXT,		/* text/..., also without a Content-Type */
	MIME_OTHER,		/* any other leaf */
	MIME_MULTIPART,
	MIME_MESSAGE,		/* message/rfc822 */
	MIME_FRAGMENT,		/* message/partial, never to be changed (RFC 2046 section 5.2.2) */
};

enum mime_encoding {
	MIME_IDENTITY,		/* 7bit, 8bit, binary or none */
	MIME_QUOTED_PRINTABLE,
	MIME_BASE64,
	MIME_UNKNOWN,
};

struct mime_entity {
	struct slice header;		/* fields with their line ends */
	struct slice blank;		/* the empty line; no octets if it is missing */
	struct slice body;
	enum mime_kind kind;
	bool digest;			/* multipart/digest (RFC 2046 section 5.1.5) */
	enum mime_encoding encoding;
	bool has_type, has_version;	/* Content-Type, MIME-Version */
	char boundary[MIME_BOUNDARY_MAX + 1];	/* boundary of a multipart; "": none is valid */
};

/* in_digest: without a Content-Type the entity is a message (RFC 2046 section 5.1.5). */
void mime_entity_parse(struct slice octets, bool in_digest, struct mime_entity *ret);

enum mime_piece { MIME_PREAMBLE, MIME_PART, MIME_EPILOGUE, MIME_NO_MORE };

struct mime_pieces {
	struct slice rest;		/* at first the body of the multipart */
	enum mime_piece next;		/* at first MIME_PREAMBLE */
};

/*
 * Takes the next piece of a multipart: the preamble, each part, the epilogue.  False at the end.
 * *ret_delimiter is the line behind the piece, with the line end in front that belongs to it (RFC
 * 2046 section 5.1.1); it is empty behind the last piece.
 */
bool mime_next_piece(struct mime_pieces *pieces, const char *boundary, enum mime_piece *ret_kind,
    struct slice *ret_piece, struct slice *ret_delimiter);

#endif
