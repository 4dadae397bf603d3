// SPDX-License-Identifier: ISC
/*
 * The text for Prometheus.
 */
#ifndef TOOLS_QUEUE_STATS_H
#define TOOLS_QUEUE_STATS_H

#include "tools/queue/tool.h"

/* Print all metrics. */
void stats_put(FILE *out, const struct tool *t);

#endif
