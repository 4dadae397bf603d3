// SPDX-License-Identifier: ISC
/*
 * The folder state/reports: a file for each kind and day, with a line for each domain whose report
 * is in the queue.  So a report is made once, whatever ends a run.
 */
#ifndef REPORTS_SENT_H
#define REPORTS_SENT_H

#include <stdint.h>

#include "base/slice.h"

struct sent {
	int fd;
	char *text;
	size_t n;
};

/* Open the folder in the queue's folder, and make it if it is not there.  A descriptor or
 * -errno. */
int sent_open_folder(const char *queue);

/* Open the file for the day that begins then.  Files of this prefix for days before oldest_s are
 * removed.
 * 0; -EBUSY if another process has it open, which would make the same reports; -EFBIG if it is
 * full, and nothing more is reported about that day; -errno. */
int sent_open(struct sent *s, int folder, const char *prefix, int64_t day_s, int64_t oldest_s);

bool sent_has(const struct sent *s, struct slice domain);

/* Note a domain, durably.  0 or -errno. */
int sent_add(struct sent *s, struct slice domain);

void sent_close(struct sent *s);

#endif
