// SPDX-License-Identifier: ISC
/*
 * Facts of a content that streams by, for its delivery.  Pure.
 */
#ifndef MESSAGE_FACTS_H
#define MESSAGE_FACTS_H

#include "message/field.h"

/* Facts of a header section or of a body. */
struct facts_part {
	uint64_t longest_line;
	bool eight_bit, dot_line;
};

struct facts {
	uint64_t octets;		/* so far, with the CRLFs */
	uint64_t longest_line;		/* octets without CRLF */
	unsigned received;		/* Received fields in the header section */
	bool eight_bit;			/* an octet above 127 anywhere */
	bool header_eight_bit;		/* an octet of the header section is above 127 */
	bool dot_line;			/* a line begins with a dot */
	bool bare;			/* a CR or LF that is not part of a CRLF */
	bool nul;
	bool line_start;		/* the content ends in CRLF, or is empty */
	bool cr;			/* the last octet is a CR, bare if no LF follows */
	bool in_header;
	uint64_t line;			/* octets of the last line */
	struct facts_part header, body;	/* after facts_end() */
	struct field_walk fields;
};

void facts_begin(struct facts *f);
void facts_content(struct facts *f, struct slice octets);
/* The content is complete. */
void facts_end(struct facts *f);
/* After facts_end(): another header section, which ends in CRLF, is in front of the same body.  The
 * content before was not facts_binary(). */
void facts_new_header(struct facts *f, struct slice header);

/* DATA cannot carry the content unchanged (RFC 3030 section 3). */
static inline bool
facts_binary(const struct facts *f)
{
	return f->bare || f->nul;
}

#endif
