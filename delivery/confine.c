// SPDX-License-Identifier: ISC
/*
 * Landlock and seccomp for each way.  A call that no table has fails with ENOSYS, because a library
 * knows what to do then.  The tables name what a library of any age may call.
 */
#include "delivery/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aliases/files.h"
#include "aliases/returns.h"
#include "base/landlock.h"
#include "base/seccomp.h"
#include "client/confine.h"
#include "delivery/owner.h"
#include "maildir/maildir.h"

#define RIGHTS_MAILDIR                                                                        \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR |                        \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |                       \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER)
#define RIGHTS_QUEUE                                                                          \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |                       \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |                    \
	    LANDLOCK_ACCESS_FS_REFER)

/* The message, the frames, memory. */
static const struct seccomp_rule common[] = {
	SECCOMP_CALL(recvmsg), SECCOMP_CALL(recvfrom), SECCOMP_CALL(read),
	SECCOMP_CALL(write), SECCOMP_CALL(readv), SECCOMP_CALL(writev), SECCOMP_CALL(pread64),
	SECCOMP_CALL(pwrite64), SECCOMP_CALL(lseek), SECCOMP_CALL(fstat),
	/* fstat(2) of newer libraries */
	{ .call = __NR_newfstatat, .tests = { { 4, AT_EMPTY_PATH, AT_EMPTY_PATH } } },
	/* It would connect. */
	SECCOMP_WITHOUT(sendto, 4, MSG_FASTOPEN),
	SECCOMP_CALL(ftruncate), SECCOMP_CALL(close), SECCOMP_CALL(ppoll),
	SECCOMP_WITH(fcntl, 2, F_GETFL), SECCOMP_WITH(fcntl, 2, F_SETFL),
	SECCOMP_WITH(fcntl, 2, F_GETFD), SECCOMP_WITH(fcntl, 2, F_SETFD),
	SECCOMP_WITH(fcntl, 2, F_SETLK), SECCOMP_WITH(fcntl, 2, F_SETLKW),
	SECCOMP_WITHOUT(mmap, 3, PROT_EXEC), SECCOMP_CALL(clock_nanosleep),
#ifdef SYS_poll
	SECCOMP_CALL(poll),
#endif
};

/* New files, and their way to the disk. */
static const struct seccomp_rule files[] = {
	SECCOMP_CALL(openat), SECCOMP_CALL(newfstatat), SECCOMP_CALL(mkdirat),
	SECCOMP_CALL(renameat), SECCOMP_CALL(renameat2), SECCOMP_CALL(unlinkat),
	SECCOMP_CALL(fsync),
};
/* In tmp/ of a Maildir. */
static const struct seccomp_rule drafts[] = { SECCOMP_WITH(flock, 2, LOCK_EX | LOCK_NB) };
static const struct seccomp_rule new_messages[] = {
	SECCOMP_WITH(flock, 2, LOCK_EX), SECCOMP_CALL(syncfs),
};

/* Standard output is asked whether it is a terminal, in the words of several libraries. */
static const struct seccomp_rule terminal[] = {
	SECCOMP_WITH(ioctl, 2, TCGETS), SECCOMP_WITH(ioctl, 2, TIOCGWINSZ),
};

/* The message goes to the process beside the worker. */
static const struct seccomp_rule descriptors[] = { SECCOMP_CALL(sendmsg) };

/* The folder in which all mailboxes of a route are. */
static void
confine_maildir(const struct delivery *d, struct landlock *l, struct seccomp *f)
{
	char *path = way_folder(d->route->target);
	const int fd = path ? maildir_folder(path) : -ENOMEM;
	if (fd >= 0)
		landlock_allow(l, fd, RIGHTS_MAILDIR);
	if (fd >= 0)
		(void)close(fd);
	free(path);
	SECCOMP_ADD(f, files);
	SECCOMP_ADD(f, drafts);
}

/* A rule for a folder would hold for all files in it: its error must be that it is a folder. */
static void
allow_list(void *ctx, const char *file)
{
	const int fd = open(file, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		landlock_allow(ctx, fd, S_ISDIR(st.st_mode) ? LANDLOCK_ACCESS_FS_READ_DIR
							    : LANDLOCK_ACCESS_FS_READ_FILE);
	if (fd >= 0)
		(void)close(fd);
}

static void
confine_aliases(const struct delivery *d, struct landlock *l, struct seccomp *f)
{
	returns_hold(d->config->relay.srs_secret);
	landlock_allow(l, d->queue->tmp, RIGHTS_QUEUE);
	landlock_allow(l, d->queue->fresh, RIGHTS_QUEUE);
	aliases_files(d->aliases, allow_list, l);
	SECCOMP_ADD(f, files);
	SECCOMP_ADD(f, new_messages);
}

void
delivery_confine_prepare(const struct route *route, const struct config *c, const struct queue *q)
{
	if (way_of(route->via)->over_link)
		client_confine_prepare(c, q);
}

static void
put_up_walls(const struct delivery *d, const struct dns_resolver *resolver, bool link)
{
	/* The ports of SRV records are not known yet; the end of a worker must reach the process
	 * beside it. */
	const unsigned walls = (route_has_services(d->route) ? 0 : LANDLOCK_NO_TCP) |
	    (d->aide || d->signer ? 0 : LANDLOCK_SCOPED);
	struct landlock l;
	struct seccomp f = { .n = 0 };

	landlock_begin(&l, walls);
	SECCOMP_ADD(&f, common);
	seccomp_add_process(&f);
	if (link)
		client_confine(d, resolver, &l, &f);
	else if (d->route->via == VIA_MAILDIR)
		confine_maildir(d, &l, &f);
	else if (d->route->via == VIA_OWNER)
		SECCOMP_ADD(&f, descriptors);
	else if (d->route->via == VIA_ALIASES)
		confine_aliases(d, &l, &f);
	else if (d->route->via == VIA_PRINT)
		SECCOMP_ADD(&f, terminal);
	(void)landlock_enforce(&l);
	(void)seccomp_enforce(&f, SECCOMP_RET_ERRNO | ENOSYS);
}

int
delivery_confine(struct delivery *d, struct dns_resolver *resolver)
{
	const bool link = way_of(d->route->via)->over_link;
	const int r = link ? client_confine_begin(d, resolver) :
	    d->route->via == VIA_OWNER ? owner_begin(d) : 0;

	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		put_up_walls(d, resolver, link);
	return r;
}
