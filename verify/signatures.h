// SPDX-License-Identifier: ISC
/*
 * The signatures of DKIM in one message, with the hashes that they need.  The body streams by.
 */
#ifndef VERIFY_SIGNATURES_H
#define VERIFY_SIGNATURES_H

#include "auth/ask.h"
#include "auth/dkim_message.h"

struct digest;

struct signatures {
	struct digest *digests[DKIM_FORMS], *header;	/* made once */
	struct dkim_sink sinks[DKIM_FORMS], header_sink;
	struct dkim_message message;
};

/* Begin a message.  False without memory. */
bool signatures_begin(struct signatures *s);

void signatures_field(struct signatures *s, struct slice name, struct slice value, bool blank);
void signatures_header_end(struct signatures *s);
void signatures_body(struct signatures *s, struct slice octets);
void signatures_end(struct signatures *s);

/* Verify as far as keys are known.  True if each signature has its result. */
bool signatures_check(struct signatures *s, const struct auth_dns *dns);

#endif
