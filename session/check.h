// SPDX-License-Identifier: ISC
/*
 * Settings of a server that load, and that its operator can hardly want.
 */
#ifndef SESSION_CHECK_H
#define SESSION_CHECK_H

#include "config/config.h"

/*
 * Report a file of passwords that sessions could not read, and settings that let strangers send
 * mail to everybody.  Returns the number of files.  An open relay is not counted: an operator may
 * need one where no stranger can connect.
 */
unsigned session_check(const struct config *c, const struct config_report *report);

#endif
