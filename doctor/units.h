// SPDX-License-Identifier: ISC
/*
 * Checks of the units of systemd.
 */
#ifndef DOCTOR_UNITS_H
#define DOCTOR_UNITS_H

#include "doctor/doctor.h"

/* Do the units that take mail, start the runner and limit both run as they must? */
void units_check(struct doctor *d);

/* Does systemd understand their files? */
void units_check_files(struct doctor *d);

/* Judge the output of `systemctl show` for our units: each property a line, an empty line between
 * units.  landlock is 0, or the -errno for which there is none.  Each finding is reported. */
void units_judge(struct doctor *d, struct slice text, int landlock);

#endif
