// SPDX-License-Identifier: ISC
/*
 * The filter of a process whose libraries may need almost any system call.
 */
#ifndef BASE_FENCE_H
#define BASE_FENCE_H

/* From now on this process and its children start no program, trace and signal no process, and
 * touch no namespace and no module of the kernel: such a call fails with EPERM.  No further
 * privileges can be had.  A kernel without filters changes nothing. */
void fence_calls(void);

#endif
