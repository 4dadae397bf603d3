// SPDX-License-Identifier: ISC
/*
 * Asking the process that validates (dns/validator.h), in packets of the DNS.
 */
#ifndef DNS_VALIDATED_H
#define DNS_VALIDATED_H

#include "dns/resolver.h"

/* Ask n questions, at most DNS_QUESTIONS_MAX, at r->validator, and set known for those that have
 * their answer.  The others are for the servers: their names are private, or nothing can be
 * validated at present. */
void validated_ask(const struct dns_resolver *r, struct dns_question *questions, size_t n,
    bool *known);

#endif
