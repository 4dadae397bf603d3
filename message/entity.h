// SPDX-License-Identifier: ISC
/*
 * A MIME entity (RFC 2045 section 2.4): a message, or a part of one, as far as its encoding needs to be
 * known.  Pure; everything points into the octets that were given.
 */
#ifndef MESSAGE_ENTITY_H
#define MESSAGE_ENTITY_H

#include "base/buf.h"

#define MIME_BOUNDARY_MAX 70	/* RFC 2046 section 5.1.1 */

enum mime_kind {
	MIME_TEXT,		/* text/..., and where nothing is said */
	MIME_OTHER,		/* any other leaf */
	MIME_MULTIPART,
	MIME_MESSAGE,		/* message/rfc822: a message of its own */
	MIME_FRAGMENT,		/* message/partial, which has to stay as it is (RFC 2046 section 5.2.2) */
};

enum mime_encoding {
	MIME_IDENTITY,		/* 7bit, 8bit, binary, or not said */
	MIME_QUOTED_PRINTABLE,
	MIME_BASE64,
	MIME_UNKNOWN,
};

struct mime_entity {
	struct slice header;		/* whole fields, with their line ends */
	struct slice blank;		/* the line behind them; empty where there is none */
	struct slice body;
	enum mime_kind kind;
	bool digest;			/* a multipart whose parts are messages if they do not say (RFC 2046 section 5.1.5) */
	enum mime_encoding encoding;
	bool has_type, has_version;	/* Content-Type, MIME-Version */
	char boundary[MIME_BOUNDARY_MAX + 1];	/* of a multipart; "" when it names none that can be */
};

/* in_digest: the default is message/rfc822 then. */
void mime_entity_parse(struct slice octets, bool in_digest, struct mime_entity *ret);

/*
 * The body of a multipart, piece by piece: the preamble, each part, the epilogue.  Begin with *rest the body and *state zero;
 * false at the end.  *ret_delimiter is the line that follows the piece, with the line end in front that belongs to
 * it (RFC 2046 section 5.1.1), empty behind the last piece.
 */
enum mime_piece { MIME_PREAMBLE, MIME_PART, MIME_EPILOGUE, MIME_NO_MORE };

struct mime_pieces {
	struct slice rest;
	enum mime_piece next;
};

bool mime_next_piece(struct mime_pieces *pieces, const char *boundary, enum mime_piece *ret_kind,
    struct slice *ret_piece, struct slice *ret_delimiter);

#endif
