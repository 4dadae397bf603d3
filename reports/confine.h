// SPDX-License-Identifier: ISC
/*
 * The walls of a process that reads what smtp-verify has written and what strangers have in the
 * DNS.
 */
#ifndef REPORTS_CONFINE_H
#define REPORTS_CONFINE_H

/* From now on this process reads these folders (-1: none), makes files in the queue, and has
 * sockets; it starts no program.  For good. */
void reports_confine(int findings, int sessions, const char *queue);

#endif
