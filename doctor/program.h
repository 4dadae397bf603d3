// SPDX-License-Identifier: ISC
/*
 * Running another program for a check.
 */
#ifndef DOCTOR_PROGRAM_H
#define DOCTOR_PROGRAM_H

#include "config/options.h"

#define PROGRAM_ARGS_MAX (OPTIONS_OVERRIDES_MAX * 2 + 16)

/* Add the folder of the running program.  False if it is not known. */
bool program_folder(struct buf *b);

/* Make the arguments of one of our programs in that folder, with the -c and -o of this one.  A name
 * with its folder goes to space.  The words `more` end with NULL. */
void program_arguments(const char *folder, const char *name, const struct options *options,
    const char *const *more, char space[4096], const char *argv[PROGRAM_ARGS_MAX]);

/* Start a program, whose output the descriptor *ret_out gives.  in: its input, or -1 for none.
 * A process or -errno. */
pid_t program_start(const char *const *argv, int in, int *ret_out);

/* Run a program with this input, and keep the start of its output, also of its errors.  The exit
 * status, or -errno; -ENOENT: there is no such program; -EINTR: it died of a signal. */
int program_run(const char *const *argv, struct slice input, struct buf *output);

#endif
