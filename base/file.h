// SPDX-License-Identifier: ISC
/*
 * Files: open one without links; read a part of one; make one afresh; replace one as a whole.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdio.h>
#include <sys/types.h>

#include "base/buf.h"

#define FILE_NAME_MAX 256
#define FILE_NEW      ".new"	/* ends the name of a file that is to replace another one */

struct file_replace {
	int folder;
	const char *name;		/* borrowed until file_replace_end() */
	char new_name[FILE_NAME_MAX];
	FILE *out;			/* write here, and do not close it */
};

/* From now on this process asks this function before each step of the replacement of a file.  It
 * returns 0, or -errno: then the file stays as it is. */
void file_replace_ask(int (*may)(void *ctx), void *ctx);

/* Make a new file for writing (mode 0600).  A file of its name is removed, and not written to.  A
 * descriptor or -errno. */
int file_create(int folder, const char *name);

/* Make NAME.new in a folder, as file_create() does.  0, or -errno: then file_replace_end() must not
 * follow. */
int file_replace_begin(struct file_replace *f, int folder, const char *name);

/* Rename NAME.new to NAME, without fsync.  0, or -errno: then NAME is as before. */
int file_replace_end(struct file_replace *f);

/* The path of a program in the folder of this one.  False if that folder is not known. */
bool file_beside(const char *name, struct buf *ret);

/* Open an absolute path for reading, without waiting.  A symbolic link on its way, or at its end,
 * is -ELOOP.  A descriptor or -errno. */
int file_open_no_links(const char *path);

/* Read a file of a folder, which must not be a link, and at most `most` octets of it.  The caller
 * frees *ret_text.  Octets that cannot be read are left out.  0; -errno if it cannot be opened;
 * -ENOMEM. */
int file_read(int folder, const char *name, size_t most, char **ret_text, size_t *ret_n);

/* Read n octets at offset `at`.  0; -ENODATA if the file ends earlier; -errno. */
int file_read_at(int fd, void *to, size_t n, off_t at);

#endif
