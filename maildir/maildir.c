// SPDX-License-Identifier: ISC
/*
 * A file is written and synced in tmp/, then moved to new/, and new/ is synced.
 *
 * Its name in tmp/ depends on the message and the recipient only, and its writer has it locked.  So
 * if a process is killed, the next attempt finds what it left, and removes it.
 */
#include "maildir/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "maildir/mbox.h"
#include "queue/lease.h"

/* The parent of a new folder is synced: the folder must outlive a crash, as the mail in it does. */
static int
make_folder(int parent, const char *name, mode_t mode)
{
	int fd, r = 0;

	if (mkdirat(parent, name, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

/* The next component of a path.  Beneath: it is no link. */
static int
open_next(int parent, const char *name, bool beneath)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	const int fd = beneath ? (int)syscall(SYS_openat2, parent, name, &how, sizeof how)
			       : openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Open a path component by component from the folder `at`, which is closed.  Make those that are
 * missing.  A descriptor, or -errno. */
static int
open_folders(int at, struct slice rest, bool beneath)
{
	char name[NAME_MAX + 1];
	int next, r;

	while (at >= 0 && rest.n) {
		struct slice part = slice_cut(rest, '/', &rest);

		if (!part.n)
			continue;
		r = -ENAMETOOLONG;
		if (part.n <= NAME_MAX) {
			memcpy(name, part.p, part.n);
			name[part.n] = '\0';
			r = make_folder(at, name, 0700);
		}
		next = r < 0 ? r : open_next(at, name, beneath);
		close(at);
		at = next;
	}
	return at;
}

void
maildir_close(struct maildir *m)
{
	if (m->tmp >= 0)
		close(m->tmp);
	if (m->fresh >= 0)
		close(m->fresh);
	if (m->root >= 0)
		close(m->root);
}

static int
open_maildir(int root, mode_t mode, struct maildir *m)
{
	static const char *const folders[] = { "tmp", "new", "cur" };
	int r = 0;

	m->tmp = m->fresh = -1;
	m->root = root;
	if (m->root < 0)
		return m->root;
	for (size_t i = 0; i < sizeof folders / sizeof folders[0] && r == 0; i++)
		r = make_folder(m->root, folders[i], mode);
	if (r < 0)
		return r;
	/* The owner of the mailbox may have put links there, to places where only we may write. */
	m->tmp = openat(m->root, "tmp", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->tmp >= 0)
		m->fresh = openat(m->root, "new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return m->fresh < 0 ? -errno : 0;
}

int
maildir_folder(const char *path)
{
	const int start = open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return start < 0 ? -errno : open_folders(start, slice_str(path), false);
}

int
maildir_open(const char *path, struct maildir *m)
{
	return open_maildir(maildir_folder(path), 0700, m);
}

int
maildir_open_beneath(int folder, const char *path, struct maildir *m)
{
	const int start = fcntl(folder, F_DUPFD_CLOEXEC, 0);

	return open_maildir(start < 0 ? -errno : open_folders(start, slice_str(path), true),
	    0700, m);
}

static void
add_host(struct buf *b, const char *hostname)
{
	for (size_t i = 0; i < 100 && hostname[i]; i++) {
		char c = hostname[i];

		if (c == '/' || c == ':')
			buf_str(b, c == '/' ? "\\057" : "\\072");
		else
			buf_chr(b, c);
	}
}

/* "1700000000.M123456P4242Q7.host", which is unique without a lock (maildir(5)). */
static void
file_name(struct buf *b, const char *hostname)
{
	static unsigned counter;
	int64_t now_us = clock_wall_us();

	buf_fmt(b, "%lld.M%06lldP%ldQ%u.", (long long)(now_us / 1000000),
	    (long long)(now_us % 1000000), (long)getpid(), ++counter);
	add_host(b, hostname);
}

/* The name in tmp/, the same for each attempt.  No two messages have one inode at a time. */
static int
draft_name(struct buf *b, const char *hostname, int message, struct slice address)
{
	struct stat st;

	if (fstat(message, &st) < 0)
		return -errno;
	buf_fmt(b, "smtp-relay-%llx-%llx-%016llx.", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino,
	    (unsigned long long)hash_slice_any_case(HASH_START, address));
	add_host(b, hostname);
	return 0;
}

/* We are not root and cannot give files away.  If a group may enter the folder and inherits its
 * files (setgid), the group stands for the owner of the mailbox.  Otherwise only we may read
 * them. */
static bool
is_shared(int folder)
{
	const mode_t shared = S_ISGID | S_IXGRP;
	struct stat st;

	return fstat(folder, &st) == 0 && (st.st_mode & shared) == shared;
}

static mode_t
file_mode(int tmp)
{
	return is_shared(tmp) ? 0660 : 0600;
}

/* ---- the folder for junk ---- */

/* Add the folder to those that mail programs show, as Dovecot lists them.  A failure costs no
 * mail: a user can subscribe to a folder. */
static void
subscribe(int root, mode_t mode)
{
	static const char version[] = "V\t2\n\n";
	const int fd = openat(root, "subscriptions", O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC, mode);
	struct stat st;
	struct slice text = SL("V\t2\n\nJunk\n");

	if (fd < 0)
		return;
	/* Another name of the file may be that of somebody else's. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1) {
		if (st.st_size > 0)
			text = slice_skip(text, sizeof version - 1);
		(void)!write(fd, text.p, text.n);
	}
	(void)close(fd);
}

/* A file marks a folder of a Maildir.  It is made last: without it the folder is not complete. */
static int
mark_folder(int root, int folder, mode_t mode)
{
	static const char mark[] = "maildirfolder";
	int fd = openat(folder, mark, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		subscribe(root, mode);
		fd = openat(folder, mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	}
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	return close(fd) < 0 ? -errno : 0;
}

int
maildir_enter_junk(struct maildir *m)
{
	const bool shared = is_shared(m->root) && is_shared(m->tmp);
	const mode_t mode = shared ? 0770 : 0700;
	struct maildir junk = { -1, -1, -1 };
	int r = make_folder(m->root, MAILDIR_JUNK, mode);

	if (r == 0) {
		r = openat(m->root, MAILDIR_JUNK, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = open_maildir(r < 0 ? -errno : r, mode, &junk);
	}
	if (r == 0)
		r = mark_folder(m->root, junk.root, shared ? 0660 : 0600);
	if (r < 0) {
		maildir_close(&junk);
		return r;
	}
	maildir_close(m);
	*m = junk;
	return 0;
}

/* ---- a message ---- */

static int
create_file(int tmp, const char *name)
{
	const int fd = openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file_mode(tmp));

	return fd < 0 ? -errno : fd;
}

/* Remove what an attempt has left in tmp/.  0; -EBUSY if its writer lives; -errno. */
static int
remove_draft(int tmp, const char *draft)
{
	const int fd = openat(tmp, draft, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st, named;
	int r = 0;

	/* Something that cannot be opened is not ours. */
	if (fd < 0)
		return errno == ENOENT || unlinkat(tmp, draft, 0) == 0 ? 0 : -EBUSY;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0)
		r = -EBUSY;
	/* Its writer may have moved it to new/ before we had the lock. */
	else if (fstatat(tmp, draft, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    named.st_ino == st.st_ino && unlinkat(tmp, draft, 0) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

/* Create the file of an attempt in tmp/, locked.  A descriptor; -EBUSY if the name or its lock
 * cannot be had; -errno. */
static int
create_draft(int tmp, const char *draft)
{
	struct stat st;
	bool gone;
	int r, fd = create_file(tmp, draft);

	if (fd == -EEXIST) {
		r = remove_draft(tmp, draft);
		fd = r < 0 ? r : create_file(tmp, draft);
	}
	if (fd < 0)
		return fd == -EEXIST ? -EBUSY : fd;
	/* Another attempt that had the lock first has removed the file, or is about to. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		gone = errno == EWOULDBLOCK;	/* else a file system without locks */
	} else {
		r = fstat(fd, &st);
		gone = r == 0 && st.st_nlink == 0;
		if (r == 0 && !gone)
			return fd;
	}
	if (!gone)
		(void)unlinkat(tmp, draft, 0);
	(void)close(fd);
	return -EBUSY;
}

int
maildir_write(const struct maildir *m, const char *hostname, const struct queue_entry *e,
    struct slice address)
{
	char name_space[NAME_MAX], draft_space[NAME_MAX];
	struct buf name_buf = BUF(name_space), draft_buf = BUF(draft_space);
	const char *name, *draft;
	int fd, r = draft_name(&draft_buf, hostname, e->fd, address);

	if (r < 0)
		return r;
	file_name(&name_buf, hostname);
	name = buf_cstr(&name_buf);
	draft = buf_cstr(&draft_buf);
	fd = create_draft(m->tmp, draft);
	if (fd == -EBUSY) {
		draft = name;
		fd = create_file(m->tmp, draft);
	}
	if (fd < 0)
		return fd;
	r = mbox_write(fd, e, address, false);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && !queue_lease_wait(e->lease))
		r = -EREMOTE;
	if (r == 0 && renameat(m->tmp, draft, m->fresh, name) < 0)
		r = -errno;
	if (r == 0 && fsync(m->fresh) < 0) {
		r = -errno;
		(void)unlinkat(m->fresh, name, 0);
	}
	if (r < 0)
		(void)unlinkat(m->tmp, draft, 0);
	(void)close(fd);
	return r;
}
