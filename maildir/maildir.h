// SPDX-License-Identifier: ISC
/*
 * A Maildir: its folders, and the file of a message in it (maildir(5)).
 */
#ifndef MAILDIR_MAILDIR_H
#define MAILDIR_MAILDIR_H

#include "queue/run.h"

struct maildir {
	int root, tmp, fresh;
};

/* Open a Maildir, and make its folders that are missing.  Links in the path are followed.
 * maildir_close() must follow in any case.  0 or -errno. */
int maildir_open(const char *path, struct maildir *m);

/* The same for a path beneath an open folder.  No component may be a link, or lead out of the
 * folder. */
int maildir_open_beneath(int folder, const char *path, struct maildir *m);

/* Open a folder by its path, and make those of the path that are missing, durably.  A descriptor
 * that only names it (O_PATH), or -errno. */
int maildir_folder(const char *path);

/* Go on in the folder of the mailbox for junk (Maildir++), which is made and subscribed to if it is
 * missing.  0 or -errno. */
#define MAILDIR_JUNK ".Junk"
int maildir_enter_junk(struct maildir *m);

void maildir_close(struct maildir *m);

/* Write e into the Maildir, durably.  address is for Delivered-To; the name of the file ends in
 * hostname.  0; or -errno, and no file is left. */
int maildir_write(const struct maildir *m, const char *hostname, const struct queue_entry *e,
    struct slice address);

#endif
