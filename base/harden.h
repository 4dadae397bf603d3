// SPDX-License-Identifier: ISC
/*
 * Walls around a process that its start has to put up.
 */
#ifndef BASE_HARDEN_H
#define BASE_HARDEN_H

/*
 * No other process of the same user may read our memory: it holds other people's mail, passwords
 * and keys.  No core file is written.  Data that only the start may write becomes read-only.  exec
 * undoes the first, so each program calls this at its start.
 */
void harden_process(void);

#endif
