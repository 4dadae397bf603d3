// SPDX-License-Identifier: ISC
/*
 * A command of smtp-queue on other machines.  Private to tools/.
 */
#ifndef TOOLS_QUEUE_REMOTE_H
#define TOOLS_QUEUE_REMOTE_H

#include "tools/queue/tool.h"

/* Are these names of up to 64 machines, with commas between them? */
bool remote_hosts_valid(const char *hosts);

/* Run the command line argv, without --host, on each of the machines, and print what they print.
 * It is an object a line with t->json.  statistics: samples for Prometheus, of all machines
 * together; their sum with t->sum.  The worst exit status of all; 69 (EX_UNAVAILABLE) if ssh(1)
 * failed; 71, 74 as for other commands. */
int remote_run(const char *hosts, int argc, char **argv, const struct tool *t, bool statistics);

#endif
