// SPDX-License-Identifier: ISC
/*
 * Common to the reports of all kinds: their days, and our name in them.
 */
#ifndef REPORTS_DAY_H
#define REPORTS_DAY_H

#include <stdint.h>

#include "config/config.h"

#define DAY_SECONDS 86400
#define DAY_NAME    11		/* octets of "2026-11-28", with NUL */

#define DAYS_BACK  3		/* days that a run looks back */
#define SILENT_MAX 10		/* failures of the DNS, one behind the other, that raise doubts */

/* The name of the day that begins then. */
void day_name(int64_t begin_s, char ret[DAY_NAME]);

/* Our name in reports: that of the host, or the domain of the contact. */
const char *day_submitter(const struct config *c);

#endif
