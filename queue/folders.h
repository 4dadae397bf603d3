// SPDX-License-Identifier: ISC
/*
 * Small helps for the queue's own parts: names, folders, whole reads and writes.
 */
#ifndef QUEUE_FOLDERS_H
#define QUEUE_FOLDERS_H

#include "queue.h"

/* A new ID: the time, then 30 random bits.  0 or -errno. */
int queue_id_make(char ret_id[QUEUE_ID_SIZE]);

/* A folder inside another one, created (0700) when create is set.  A descriptor or -errno. */
int queue_folder(int parent, const char *name, bool create);

/* Call each for every name in the folder but "." and "..", until it returns something else than 0: that is returned then. */
int queue_names(int folder, int (*each)(void *ctx, const char *name), void *ctx);

/* All of it or -errno; a short read is -EBADMSG, since files here are read by what they say of their own size. */
int queue_write(int fd, struct slice octets);
int queue_write_at(int fd, struct slice octets, off_t at);
int queue_read_at(int fd, char *octets, size_t n, off_t at);

/* Open a file of the queue and see that it is one: a regular file, no link.  A descriptor or -errno, -EBADMSG when it is
 * something else. */
int queue_file(int folder, const char *name, off_t *ret_size);
/* The same for reading only. */
int queue_file_look(int folder, const char *name, off_t *ret_size);

/* Is a file of that size a whole message, down to its sum?  0, -EBADMSG, or -errno when nobody can tell. */
int queue_complete(int fd, off_t size);

/* The name of a folder in wait/ as its time; false for names that are none. */
#define QUEUE_BUCKET_SIZE 24
bool queue_bucket_time(const char *name, int64_t *ret);

/* Whatever it is, out of folder from and into dead/, where no name is taken twice.  0 or -errno. */
int queue_move_to_dead(const struct queue *q, int from, const char *name);

#endif
