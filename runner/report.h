// SPDX-License-Identifier: ISC
/*
 * What a run says in the log: `delivered`, `deferred` and `failed` for recipients; `finished`,
 * `waiting`, `dead` and `stuck` for messages; `bounced`, `warned` and `confirmed` for notices to senders; `moved` for
 * destinations that go by IPv4 from there on; `trouble` for what goes wrong here.
 */
#ifndef RUNNER_REPORT_H
#define RUNNER_REPORT_H

#include "runner/runner.h"

void report_rcpt(const char *id, struct slice path, const struct outcome *o, int64_t delay_us);
/* due_s: unix seconds, RUNNER_DEFERRED only; error: 0 or -errno. */
void report_message(const char *id, enum runner_end end, int64_t due_s, int error);
/* These are hooks as they are: ctx is not looked at. */
void report_notified(void *ctx, const char *id, enum notice_kind action, const char *notice_id, struct slice to);
/* f: NULL where it works again. */
void report_frozen(void *ctx, const struct route *route, const struct frozen *f);
void report_moved(void *ctx, const char *destination, const char *host, const char *reply);
/* error: -errno, or a signal's number, or 0. id may be "". */
void report_trouble(void *ctx, const char *what, const char *id, int error);

#endif
