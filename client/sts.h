// SPDX-License-Identifier: ISC
/*
 * The policy of MTA-STS that mail for a domain has to obey: the record that is kept of it, and its
 * fetch if that is due (RFC 8461 section 5).
 */
#ifndef CLIENT_STS_H
#define CLIENT_STS_H

#include "attempt/attempt.h"
#include "client/exchanger_tls.h"
#include "policy/sts_record.h"

/* Read the record of the destination, before walls go up.  It sets d->sts if the destination can
 * have a policy: exchangers of a domain, and no TLS of the operator's own for it. */
void sts_begin(struct delivery *d);

/* The record of the destination as it is kept, without a question.  d->sts must be set. */
const struct sts_record *sts_kept(const struct delivery *d);

/* Ask the DNS whether there is a policy, or a new one, and do not wait for the answer: the caller
 * has other questions meanwhile. */
void sts_ask(const struct delivery *d);

/* The record of the destination.  The first call waits for the answer to sts_ask(), and lets the
 * policy be fetched if that is due.  NULL: no policy is in force. */
const struct sts_record *sts_find(const struct delivery *d);

/* Has no policy been found, for a reason that may pass? */
bool sts_failing(const struct delivery *d);

/* The record of a domain that announces a policy which could not be fetched anew, with the reason.
 * NULL: nothing failed lately. */
const struct sts_record *sts_failed(const struct delivery *d);

/* Does the policy forbid this exchanger?  published has the demands of its domain, or is NULL: its
 * records of DANE decide alone (RFC 8461 section 2). */
bool sts_forbids(const struct sts_policy *p, const struct mx_exchanger *x,
    const struct exchanger_tls *published);

#endif
