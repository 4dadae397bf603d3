// SPDX-License-Identifier: ISC
/*
 * Delivers to Maildirs as the user of the runner.
 */
#include "delivery/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "mailbox/path.h"
#include "maildir/maildir.h"
#include "maildir/mbox.h"

enum outcome_cause
maildir_cause(int error)
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

static bool
is_link(const char *path)
{
	struct stat st;

	return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static void
deliver_one(struct delivery *d, struct queue_entry *e, struct slice address, const char *path,
    struct outcome *o)
{
	const bool junk = d->route->junk_folder && e->junk.n;
	char detail_space[PATH_MAX + 100];
	struct buf detail = BUF(detail_space);
	struct maildir m;
	int r = mbox_loops(e, address);

	if (r > 0) {
		outcome_set(o, CAUSE_LOOP, SL(""),
		    SL(MAILDIR_LOOP_TEXT));
		return;
	}
	if (r == 0) {
		r = maildir_open(path, &m);
		if (r == 0 && junk)
			r = maildir_enter_junk(&m);
		if (r == 0)
			r = maildir_write(&m, d->config->server.hostname, e, address);
		maildir_close(&m);
	}
	if (r < 0)
		buf_fmt(&detail, "cannot write to the mailbox %s: %s%s", path, strerror(-r),
		    r == -EACCES && is_link(path) ? "; it is a link, which must not lead out of "
		    "the path of the route: name its target in the route" : "");
	else
		buf_fmt(&detail, "%s%s: delivered to mailbox", path,
		    junk ? "/" MAILDIR_JUNK : "");
	outcome_set(o, maildir_cause(r), SL(""), buf_slice(&detail));
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
