// SPDX-License-Identifier: ISC
/*
 * Remedies for the causes of deferral, for the operator.
 */
#ifndef TOOLS_QUEUE_ADVICE_H
#define TOOLS_QUEUE_ADVICE_H

#include "attempt/outcome.h"

/* NULL if the cause does not defer. */
const char *advice_of(enum outcome_cause cause);

#endif
