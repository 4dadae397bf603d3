// SPDX-License-Identifier: ISC
/*
 * Delivers to a Maildir: a file is written and synced in tmp/, then moved to new/, and new/ is
 * synced.
 */

#include "delivery/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "maildir/mbox.h"
#include "mailbox/path.h"

/* The parent of a new folder is synced: the folder must outlive a crash, as the mail in it does. */
static int
make_folder(int parent, const char *name)
{
	int fd, r = 0;

	if (mkdirat(parent, name, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

/* Open a path component by component, and make those that are missing.  A descriptor, or -errno. */
static int
open_folders(const char *path)
{
	struct slice rest = slice_str(path);
	char name[NAME_MAX + 1];
	const char *start = rest.n && rest.p[0] == '/' ? "/" : ".";
	int at = open(start, O_PATH | O_DIRECTORY | O_CLOEXEC), next, r;

	while (at >= 0 && rest.n) {
		struct slice part = slice_cut(rest, '/', &rest);

		if (!part.n)
			continue;
		r = -ENAMETOOLONG;
		if (part.n <= NAME_MAX) {
			memcpy(name, part.p, part.n);
			name[part.n] = '\0';
			r = make_folder(at, name);
		}
		next = r < 0 ? r : openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (next == -1)
			next = -errno;
		close(at);
		at = next;
	}
	return at == -1 ? -errno : at;
}

struct mailbox {
	int root, tmp, fresh;
};

static void
close_mailbox(struct mailbox *m)
{
	if (m->tmp >= 0)
		close(m->tmp);
	if (m->fresh >= 0)
		close(m->fresh);
	if (m->root >= 0)
		close(m->root);
}

static int
open_mailbox(const char *path, struct mailbox *m)
{
	static const char *const folders[] = { "tmp", "new", "cur" };
	int r = 0;

	m->tmp = m->fresh = -1;
	m->root = open_folders(path);
	if (m->root < 0)
		return m->root;
	for (size_t i = 0; i < sizeof folders / sizeof folders[0] && r == 0; i++)
		r = make_folder(m->root, folders[i]);
	if (r < 0)
		return r;
	/* The owner of the mailbox may have put links there, to places where only we may write. */
	m->tmp = openat(m->root, "tmp", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->tmp >= 0)
		m->fresh = openat(m->root, "new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return m->fresh < 0 ? -errno : 0;
}

/* "1700000000.M123456P4242Q7.host", which is unique without a lock (maildir(5)). */
static void
file_name(struct buf *b, const char *hostname)
{
	static unsigned counter;
	int64_t now_us = clock_wall_us();

	buf_fmt(b, "%lld.M%06lldP%ldQ%u.", (long long)(now_us / 1000000),
	    (long long)(now_us % 1000000), (long)getpid(), ++counter);
	for (size_t i = 0; i < 100 && hostname[i]; i++) {
		char c = hostname[i];

		if (c == '/' || c == ':')
			buf_str(b, c == '/' ? "\\057" : "\\072");
		else
			buf_chr(b, c);
	}
}

/* We are not root and cannot give files away.  If a group may enter tmp/ and inherits its files
 * (setgid), the group stands for the owner of the mailbox.  Otherwise only we may read them. */
static mode_t
file_mode(int tmp)
{
	const mode_t shared = S_ISGID | S_IXGRP;
	struct stat st;

	return fstat(tmp, &st) == 0 && (st.st_mode & shared) == shared ? 0660 : 0600;
}

static int
write_file(
    const struct mailbox *m, const char *name, const struct queue_entry *e, struct slice address)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	int fd = openat(m->tmp, name, flags, file_mode(m->tmp)), r;

	if (fd < 0)
		return -errno;
	r = mbox_write(fd, e, address, false);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(m->tmp, name, m->fresh, name) < 0)
		r = -errno;
	if (r == 0 && fsync(m->fresh) < 0) {
		r = -errno;
		(void)unlinkat(m->fresh, name, 0);
	}
	if (r < 0)
		(void)unlinkat(m->tmp, name, 0);
	return r;
}

static enum outcome_cause
cause_of(int error)
{
	switch (error) {
	case 0:
		return CAUSE_DELIVERED;
	case -EDQUOT:
		return CAUSE_MAILDIR_QUOTA;
	case -ENOSPC:
		return CAUSE_MAILDIR_SPACE;
	default:
		return CAUSE_MAILDIR;
	}
}

static void
deliver_one(struct delivery *d, struct queue_entry *e, struct slice address, const char *path,
    struct outcome *o)
{
	char name_space[NAME_MAX], detail_space[PATH_MAX + 100];
	struct buf name = BUF(name_space), detail = BUF(detail_space);
	struct mailbox m;
	int r = mbox_loops(e, address);

	if (r > 0) {
		outcome_set(o, CAUSE_LOOP, SL(""),
		    SL("the message has been delivered to this mailbox before: a mail loop"));
		return;
	}
	file_name(&name, d->config->server.hostname);
	if (r == 0) {
		r = open_mailbox(path, &m);
		if (r == 0)
			r = write_file(&m, buf_cstr(&name), e, address);
		close_mailbox(&m);
	}
	if (r < 0)
		buf_fmt(&detail, "cannot write to the mailbox %s: %s", path, strerror(-r));
	else
		buf_fmt(&detail, "%s: delivered to mailbox", path);
	outcome_set(o, cause_of(r), SL(""), buf_slice(&detail));
}

void
deliver_maildir(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	struct slice here;

	(void)config_postmaster(d->config, &here);
	for (size_t i = 0; i < n; i++) {
		const struct queue_rcpt *rcpt = &e->rcpts[rcpts[i]];
		char path[PATH_MAX];
		struct buf b = BUF(path);
		struct outcome o;

		if (mailbox_path(d->route, rcpt->path, rcpt->domain, here, &b) < 0)
			outcome_set(&o, CAUSE_MAILDIR_USER, SL(""),
			    SL("no mailbox can have that name"));
		else
			deliver_one(d, e, rcpt->path, buf_cstr(&b), &o);
		attempt_report(d, e, rcpts[i], &o);
	}
}
