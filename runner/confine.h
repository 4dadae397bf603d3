// SPDX-License-Identifier: ISC
/*
 * Walls around the runner itself, and so around all that it starts.  They take the place of most
 * mounts of its unit, which take longer to make than all else of a start.
 */
#ifndef RUNNER_CONFINE_H
#define RUNNER_CONFINE_H

#include "config/config.h"

/*
 * Deny this process and its later children for good what the mounts would: to write outside the
 * folders that may have mailboxes or the queue, and to open anything in /sys and /run/user.
 * /dev, /proc and /tmp must be the unit's own.  0 or -errno; landlock_reason() has its text.
 */
int runner_confine(const struct config *c);

#endif
