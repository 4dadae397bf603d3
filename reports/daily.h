// SPDX-License-Identifier: ISC
/*
 * The reports of DMARC about the days that are over.
 */
#ifndef REPORTS_DAILY_H
#define REPORTS_DAILY_H

#include "reports/day.h"

/* Make the reports about the last days that are not made yet, and print a line for each.  0;
 * -EAGAIN if the DNS fails: a later run makes the rest; -errno. */
int daily_run(struct daily *d, int64_t now_s);

#endif
