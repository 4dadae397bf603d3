// SPDX-License-Identifier: ISC
/*
 * The text for Prometheus.
 */
#ifndef TOOLS_QUEUE_STATS_H
#define TOOLS_QUEUE_STATS_H

#include "runner/counted.h"
#include "tools/queue/tool.h"

/* Print the metrics of the counters, which may be any numbers and names. */
void stats_put_counters(FILE *out, const struct counted *c);
/* Print all metrics. */
void stats_put(FILE *out, const struct tool *t);

#endif
