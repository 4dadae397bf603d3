// SPDX-License-Identifier: ISC
/*
 * Removal of Authentication-Results fields that bear our name and came from outside: only we may
 * write them (RFC 8601 section 5).  Pure; holds the first octets of one field at most.
 */
#ifndef MESSAGE_RESULTS_H
#define MESSAGE_RESULTS_H

#include "base/idn.h"
#include "base/buf.h"
#include "message/field.h"
#include "message/joined.h"

#define RESULTS_HELD 1024	/* a genuine field has the server's name within these octets */

enum results_state {
	RESULTS_KEEP,
	RESULTS_DROP,
	/* Undecided; the octets are held. */
	RESULTS_NAME,		/* within the name of the field */
	RESULTS_SERVER,		/* within the server's name, or in front of it */
};

struct results {
	struct slice names[2];	/* the hostname in A-labels and in U-labels */
	size_t nnames;		/* 1 if both are the same */
	struct idn_name unicode;
	struct joined out;
	struct field_walk fields;
	enum results_state state;
	unsigned depth;		/* depth of nested comments */
	bool escaped;		/* the last octet was a backslash */
	bool blank;			/* the last octet was one */
	bool quoted;		/* within a quoted string */
	bool high;		/* the server's name has an octet above 127 */
	unsigned compared;	/* how often it was compared as a domain */
	/* Octets of the server's name that are the same as in names; SIZE_MAX: one differs. */
	size_t same[2];
	/* The octets of an undecided field: those of earlier slices, then those of this one. */
	struct buf held;
	struct slice open;
	char space[RESULTS_HELD];
	struct buf spelled;	/* the server's name as it came */
	char name[RESULTS_HELD];
};

/* hostname is borrowed until results_end(). */
void results_begin(struct results *r, struct slice hostname, qualify_put *put, void *ctx);
void results_content(struct results *r, struct slice octets);
void results_end(struct results *r);

#endif
