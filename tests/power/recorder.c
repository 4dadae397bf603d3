// SPDX-License-Identifier: ISC
/*
 * "recorder SIZE LOG FOLDER [MS]" is a file system with two files, for a disk that remembers what
 * was done to it, and takes so many milliseconds for a flush:
 *
 *	FOLDER/disk	SIZE octets in memory, for a loop device
 *	FOLDER/mark	a text that is written here joins the log, in its place among the writes
 *
 * The log has a header of three numbers of 64 bits in the order of this machine, each followed by
 * that many octets: kind (0 a write, 1 a flush, 2 a mark), offset, size.  It ends at unmount.
 */
#define FUSE_USE_VERSION 31
#include <fuse3/fuse.h>

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { KIND_WRITE, KIND_FLUSH, KIND_MARK };

static struct {
	char *octets;
	off_t size;
	FILE *log;
	const char *folder;
	useconds_t flush_us;
} disk;

static int
add_entry(enum kind kind, off_t at, const char *octets, size_t n)
{
	const uint64_t head[3] = { kind, (uint64_t)at, n };

	return fwrite(head, sizeof head, 1, disk.log) == 1 &&
	    (n == 0 || fwrite(octets, n, 1, disk.log) == 1) && fflush(disk.log) == 0 ? 0 : -EIO;
}

static bool
is_disk(const char *path)
{
	return strcmp(path, "/disk") == 0;
}

static bool
is_mark(const char *path)
{
	return strcmp(path, "/mark") == 0;
}

static int
get_attributes(const char *path, struct stat *st, struct fuse_file_info *info)
{
	(void)info;
	memset(st, 0, sizeof *st);
	st->st_nlink = 1;
	if (strcmp(path, "/") == 0)
		st->st_mode = S_IFDIR | 0700;
	else if (is_disk(path) || is_mark(path))
		st->st_mode = S_IFREG | 0600;
	else
		return -ENOENT;
	st->st_size = is_disk(path) ? disk.size : 0;
	return 0;
}

static int
open_file(const char *path, struct fuse_file_info *info)
{
	if (!is_disk(path) && !is_mark(path))
		return -ENOENT;
	info->direct_io = is_mark(path);
	return 0;
}

static int
read_octets(const char *path, char *to, size_t n, off_t at, struct fuse_file_info *info)
{
	(void)info;
	if (!is_disk(path) || at >= disk.size)
		return 0;
	if ((off_t)n > disk.size - at)
		n = (size_t)(disk.size - at);
	memcpy(to, disk.octets + at, n);
	return (int)n;
}

static int
write_octets(const char *path, const char *from, size_t n, off_t at, struct fuse_file_info *info)
{
	(void)info;
	if (is_mark(path))
		return add_entry(KIND_MARK, 0, from, n) < 0 ? -EIO : (int)n;
	if (at >= disk.size || (off_t)n > disk.size - at)
		return -ENOSPC;
	memcpy(disk.octets + at, from, n);
	return add_entry(KIND_WRITE, at, from, n) < 0 ? -EIO : (int)n;
}

static int
sync_file(const char *path, int data, struct fuse_file_info *info)
{
	(void)data;
	(void)info;
	if (!is_disk(path))
		return 0;
	(void)usleep(disk.flush_us);
	return add_entry(KIND_FLUSH, 0, NULL, 0);
}

static int
set_size(const char *path, off_t size, struct fuse_file_info *info)
{
	(void)size;
	(void)info;
	return is_mark(path) ? 0 : -EPERM;
}

/* The file system on the disk is mounted later, and stays out of this process.  Else a recorder
 * that is killed may have the last hold on it, and its end waits for writes that only itself could
 * take.  The new namespace has a copy of FOLDER's mount.  It must go, as this process ends when
 * nobody has that mount any more. */
static void *
begin(struct fuse_conn_info *connection, struct fuse_config *config)
{
	(void)connection;
	(void)config;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    umount2(disk.folder, MNT_DETACH) < 0)
		perror("recorder: the namespace of mounts");
	return NULL;
}

static const struct fuse_operations operations = {
	.init = begin,
	.getattr = get_attributes,
	.open = open_file,
	.read = read_octets,
	.write = write_octets,
	.fsync = sync_file,
	.truncate = set_size,
};

int
main(int argc, char **argv)
{
	char *words[] = { argv[0], argc > 3 ? argv[3] : NULL, (char[]){ "-f" }, (char[]){ "-s" },
		NULL };

	if (argc != 4 && argc != 5) {
		(void)fputs("usage: recorder SIZE LOG FOLDER [MS]\n", stderr);
		return 64;
	}
	disk.size = strtoll(argv[1], NULL, 10);
	disk.log = fopen(argv[2], "we");
	disk.folder = realpath(argv[3], NULL);
	disk.flush_us = argc == 5 ? (useconds_t)atoi(argv[4]) * 1000 : 0;
	disk.octets = mmap(NULL, (size_t)disk.size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!disk.log || disk.octets == MAP_FAILED || !disk.folder) {
		perror("recorder");
		return 71;
	}
	return fuse_main(4, words, &operations, NULL);
}
