// SPDX-License-Identifier: ISC
/*
 * The service manager that started this process, such as systemd (sd_notify(3)).
 */
#ifndef BASE_MANAGER_H
#define BASE_MANAGER_H

/* Send the manager a state such as "READY=1".  Without one that wants it, nothing happens. */
void manager_notify(const char *state);

#endif
