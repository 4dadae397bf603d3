// SPDX-License-Identifier: ISC
/*
 * Files with secrets in them: keys, hashes of passwords.
 */
#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include "base/buf.h"

/* A file is named by an absolute path, or by the name of one of the unit's credentials (systemd.exec(5)).
 * False when it is none of both. */
bool secret_name_valid(struct slice name);

/* The path, a C string in b.  0; -ENOENT for a credential where there are none; -ENAMETOOLONG. */
int secret_path(struct buf *b, struct slice name);

/*
 * Open for reading, without waiting, close-on-exec.  A file that group or others may read is no secret, and is
 * refused (-EACCES); among the unit's credentials systemd sees to that by other means.  A descriptor; or -errno,
 * with the file and what is wrong with it in why.
 */
int secret_open(const char *path, struct buf *why);

#endif
