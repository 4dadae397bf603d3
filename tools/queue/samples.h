// SPDX-License-Identifier: ISC
/*
 * The text for Prometheus of one or several machines: with a label for the machine, or summed up.
 */
#ifndef TOOLS_QUEUE_SAMPLES_H
#define TOOLS_QUEUE_SAMPLES_H

#include <stdio.h>

#include "base/slice.h"

/* Room for the name of this machine as the value of a label, with its NUL. */
#define SAMPLES_MACHINE 65

/* The output of one machine, which may be any text. */
struct samples_text {
	struct slice machine;		/* as a label may have it */
	struct slice text;
};

/* The name of this machine.  A character that a label cannot have is '?'. */
void samples_machine(char ret[static SAMPLES_MACHINE]);

/* Print the samples of all machines, each with a label "host".  Those of one metric stand together.
 * False if a text has too many metrics; the rest is left out. */
bool samples_put_labelled(FILE *out, const struct samples_text *texts, size_t n);
/* Print each sample once, with the sum of all machines: of ages, the greatest; of points in time,
 * the first.  False as above, or if a metric has too many samples. */
bool samples_put_sum(FILE *out, const struct samples_text *texts, size_t n);

#endif
