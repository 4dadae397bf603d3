// SPDX-License-Identifier: ISC
/*
 * A message whose signatures are verified: its header section is kept, its body streams by in its
 * canonical forms.  Pure: the octets to hash go to sinks.
 */
#ifndef AUTH_DKIM_MESSAGE_H
#define AUTH_DKIM_MESSAGE_H

#include "auth/dkim_signature.h"
#include "message/dkim.h"

#define DKIM_HEADER_OCTETS 262144	/* of a header section that can be verified */
#define DKIM_HEADER_FIELDS 4096
#define DKIM_SIGNATURES	   8		/* verified; further ones are not looked at */

enum dkim_form { DKIM_FORM_SIMPLE, DKIM_FORM_RELAXED, DKIM_FORMS };

struct dkim_message {
	struct dkim_header_field {
		uint32_t at, name, n;	/* its place, octets of its name, all octets */
	} fields[DKIM_HEADER_FIELDS];
	size_t nfields;
	bool overflow;			/* the header section is too large */
	struct dkim_signature signatures[DKIM_SIGNATURES];
	size_t nsignatures, nignored;
	struct dkim_body bodies[DKIM_FORMS];
	bool needs[DKIM_FORMS];		/* a signature has this form of the body */
	uint64_t octets[DKIM_FORMS];	/* of the form */
	struct dkim_sink counted[DKIM_FORMS], sinks[DKIM_FORMS];
	struct dkim_counter {
		struct dkim_message *m;
		enum dkim_form form;
	} counters[DKIM_FORMS];
	size_t n;
	char header[DKIM_HEADER_OCTETS];
};

void dkim_message_begin(struct dkim_message *m);

/* A field; value begins behind the colon, and its lines may end in LF alone. */
void dkim_message_field(struct dkim_message *m, struct slice name, struct slice value);

/* A field by its number from 0. */
struct slice dkim_message_name(const struct dkim_message *m, size_t i);
struct slice dkim_message_value(const struct dkim_message *m, size_t i);

/* The header section is complete: find the signatures.  Sinks take the forms of the body that
 * needs[] has; they are borrowed. */
void dkim_message_header_end(struct dkim_message *m, int64_t now_s,
    const struct dkim_sink sinks[DKIM_FORMS]);
void dkim_message_body(struct dkim_message *m, struct slice octets);
void dkim_message_end(struct dkim_message *m);

/* Compare the hashes of the forms with those of the signatures. */
void dkim_message_hashes(struct dkim_message *m, char hashes[DKIM_FORMS][DKIM_HASH_OCTETS]);

/* Put the octets that signature i covers. */
void dkim_message_put(const struct dkim_message *m, size_t i, const struct dkim_sink *sink);

#endif
