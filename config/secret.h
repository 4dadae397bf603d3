// SPDX-License-Identifier: ISC
/*
 * Files that hold secrets, such as keys and passwords.
 */
#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include "base/buf.h"

/* Is it an absolute path, or may it be the name of a credential (systemd.exec(5))? */
bool secret_name_valid(struct slice name);

/* Add the path of a secret, as a C string.  0; -ENOENT for a credential of a unit that has none;
 * -ENAMETOOLONG. */
int secret_path(struct buf *b, struct slice name);

/*
 * Open for reading, without waiting, close-on-exec.  A file that its group or others may read is
 * refused with -EACCES; systemd protects credentials by other means.  A descriptor; or -errno with
 * the file and the mistake in why.
 */
int secret_open(const char *path, struct buf *why);

/* Would secret_open() succeed?  For a process that may not open the file.  0 or -errno. */
int secret_look(const char *path, struct buf *why);

#endif
