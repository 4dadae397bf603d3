// SPDX-License-Identifier: ISC
/*
 * Messages that are put aside, as processes died while they read them, and the notices about them.
 */
#ifndef RUNNER_ASIDE_H
#define RUNNER_ASIDE_H

struct runner;

/* Find the message on which the last run died, and put it aside, or every run would die on it. */
void aside_begin(struct runner *r);

/* A process died while it read a message of cur/: let the message wait.  The third one puts it
 * aside. */
void aside_postpone(struct runner *r, const char *id, int signo);

/* Notify the senders of messages that were put aside, if the lifetime of the message is over. */
void aside_notify(struct runner *r);

#endif
