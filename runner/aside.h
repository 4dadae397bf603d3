// SPDX-License-Identifier: ISC
/*
 * Notices about messages that were put aside, as processes died while they read them.
 */
#ifndef RUNNER_ASIDE_H
#define RUNNER_ASIDE_H

struct runner;

/* Notify the senders of messages that were put aside, if the lifetime of the message is over. */
void aside_notify(struct runner *r);

#endif
