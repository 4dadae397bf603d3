// SPDX-License-Identifier: ISC
/*
 * The reports about TLS and the days that are over (RFC 8460).
 */
#ifndef REPORTS_TLS_DAILY_H
#define REPORTS_TLS_DAILY_H

#include "reports/daily.h"

/* Make the reports about the last days that are not made yet, and print a line for each.  Those for
 * web servers wait for smtp-fetch.  0; -EAGAIN if the DNS fails: a later run makes the rest;
 * -errno. */
int tls_daily_run(struct daily *d, int64_t now_s);

#endif
