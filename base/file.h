// SPDX-License-Identifier: ISC
/*
 * A file that is replaced as a whole: readers see the old one or the new one.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdio.h>

#define FILE_NAME_MAX 64

struct file_replace {
	int folder;
	const char *name;		/* borrowed until the end */
	char new_name[FILE_NAME_MAX];
	FILE *out;			/* write here, and do not close it */
};

/* Open NAME.new in a folder (mode 0600).  0, or -errno: then there is nothing to end.  Whatever else
 * bears that name, such as a FIFO, is removed after the error, so that the next call succeeds. */
int file_replace_begin(struct file_replace *f, int folder, const char *name);

/* Put it in place of NAME, without fsync.  0, or -errno: then NAME is as before. */
int file_replace_end(struct file_replace *f);

#endif
