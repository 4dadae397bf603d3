// SPDX-License-Identifier: ISC
/*
 * The counters of runs.
 */
#ifndef RUNNER_COUNT_H
#define RUNNER_COUNT_H

#include "runner/report.h"

/* Count an event of a run. */
void count_report(const struct report *e);

#endif
