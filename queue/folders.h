// SPDX-License-Identifier: ISC
/*
 * Functions that the files of queue/ share: names, folders, whole reads and writes.
 */
#ifndef QUEUE_FOLDERS_H
#define QUEUE_FOLDERS_H

#include "queue.h"

/* Make a new ID: the time, then 30 random bits.  0 or -errno. */
int queue_id_make(char ret_id[QUEUE_ID_SIZE]);

/* Make the names in a folder durable.  0; -EOPNOTSUPP if the file system cannot; -errno. */
int queue_sync_folder(int folder);

/* Open a folder inside another one; if create is set, a missing one is created (mode 0700).  A
 * descriptor or -errno. */
int queue_folder(int parent, const char *name, bool create);

/* Call each() for every name in the folder except "." and "..", until it returns a value other than
 * 0.  Returns that value, 0 at the end, or -errno. */
int queue_names(int folder, int (*each)(void *ctx, const char *name), void *ctx);

/* Remove the files of a folder inside another one that were last written before that time.  The
 * number of files that stay. */
unsigned queue_sweep(int parent, const char *name, int64_t before_s);

struct queue_walk;

/* Begin a walk through a folder.  0 or -errno. */
int queue_walk_begin(struct queue_walk *w, int folder);

/* The next name except "." and "..", or NULL at the end; the walk then ends too.  The first error
 * is left in *ret_error. */
const char *queue_walk_next(struct queue_walk *w, int *ret_error);

/* Write all octets.  0 or -errno. */
int queue_write(int fd, struct slice octets);

/* Write all octets at offset `at`.  0 or -errno. */
int queue_write_at(int fd, struct slice octets, off_t at);

/* Read n octets at offset `at`.  0 or -errno.  The file itself gives these sizes, so a file that
 * ends earlier is damaged: -EBADMSG. */
int queue_read_at(int fd, char *octets, size_t n, off_t at);

/* Open a file of the queue for reading and writing.  It must be a regular file and no link.  A
 * descriptor; -EBADMSG if it is something else; -errno. */
int queue_file(int folder, const char *name, off_t *ret_size);

/* Open a file as queue_file() does, for reading only. */
int queue_file_look(int folder, const char *name, off_t *ret_size);

/* Is a file of that size a whole message with the right check sum?  0; -EBADMSG if not; -errno if
 * it cannot be read. */
int queue_complete(int fd, off_t size);

/* The time that the name of a folder in wait/ stands for.  False if the name is not a time. */
#define QUEUE_BUCKET_SIZE 24
bool queue_bucket_time(const char *name, int64_t *ret);

/* Move a file of any kind from a folder into dead/.  If its name is in use there, it gets another
 * one.  0 or -errno. */
int queue_move_to_dead(const struct queue *q, int from, const char *name);

#endif
