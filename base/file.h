// SPDX-License-Identifier: ISC
/*
 * Files: reading a stretch of one, and replacing one as a whole.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdio.h>
#include <sys/types.h>

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

/* Read n octets at `at`.  0; -ENODATA if the file ends before; -errno. */
int file_read_at(int fd, void *to, size_t n, off_t at);

#endif
