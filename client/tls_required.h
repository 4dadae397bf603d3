// SPDX-License-Identifier: ISC
/*
 * The field "TLS-Required: No" (RFC 8689 section 3): its sender would rather have the message
 * delivered in the clear than not at all, whatever the recipient's domain has published.
 */
#ifndef CLIENT_TLS_REQUIRED_H
#define CLIENT_TLS_REQUIRED_H

#include "queue/run.h"

/* Does the message waive the demands of the recipient's domain?  Its header section is read from
 * the queue.  With the parameter REQUIRETLS the field does not count (section 4.1). */
bool tls_required_waived(const struct queue_entry *e);

/* The same of a header section alone.  Pure. */
bool tls_required_no(struct slice header);

#endif
