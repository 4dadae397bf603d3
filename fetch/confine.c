// SPDX-License-Identifier: ISC
/*
 * A call that the table does not have fails with ENOSYS, because a library knows what to do then.
 */
#include "fetch/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/seccomp.h"
#include "net/tls.h"

#define RIGHTS_STORE                                                                          \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |                       \
	    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                       \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE)

#define RIGHTS_POSTS                                                                          \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |                         \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE)

static const struct seccomp_rule rules[] = {
	SECCOMP_INET, SECCOMP_SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SECCOMP_SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	/* A library wakes itself by such a pair. */
	SECCOMP_WITH(socketpair, 1, AF_UNIX), SECCOMP_CALL(pipe2), SECCOMP_CALL(eventfd2),
	SECCOMP_CALL(connect), SECCOMP_CALL(bind), SECCOMP_CALL(setsockopt),
	SECCOMP_CALL(getsockopt), SECCOMP_CALL(getsockname), SECCOMP_CALL(getpeername),
	SECCOMP_CALL(shutdown), SECCOMP_CALL(sendmsg), SECCOMP_CALL(sendmmsg),
	SECCOMP_CALL(sendto), SECCOMP_CALL(recvmsg), SECCOMP_CALL(recvfrom),
	SECCOMP_WITH(ioctl, 2, FIONREAD), SECCOMP_WITH(ioctl, 2, FIONBIO),
	SECCOMP_CALL(read), SECCOMP_CALL(write), SECCOMP_CALL(readv), SECCOMP_CALL(writev),
	SECCOMP_CALL(lseek), SECCOMP_CALL(fstat), SECCOMP_CALL(newfstatat), SECCOMP_CALL(openat),
	SECCOMP_CALL(faccessat), SECCOMP_CALL(faccessat2), SECCOMP_CALL(close),
	SECCOMP_CALL(getdents64), SECCOMP_CALL(renameat), SECCOMP_CALL(renameat2),
	SECCOMP_CALL(unlinkat), SECCOMP_CALL(utimensat), SECCOMP_CALL(ppoll),
	SECCOMP_WITH(fcntl, 2, F_GETFL), SECCOMP_WITH(fcntl, 2, F_SETFL),
	SECCOMP_WITH(fcntl, 2, F_GETFD), SECCOMP_WITH(fcntl, 2, F_SETFD),
	SECCOMP_WITHOUT(mmap, 3, PROT_EXEC), SECCOMP_CALL(clock_nanosleep),
	SECCOMP_CALL(getuid), SECCOMP_CALL(geteuid), SECCOMP_CALL(getgid), SECCOMP_CALL(getegid),
	SECCOMP_CALL(uname),
#ifdef SYS_poll
	SECCOMP_CALL(poll),
#endif
};

static void
allow_place(void *ctx, const char *path)
{
	landlock_allow_path(ctx, path, LANDLOCK_ACCESS_FS_READ_FILE);
}

void
fetch_confine(int folder, int posts, const char *authorities)
{
	struct landlock l;
	struct seccomp f = { .n = 0 };

	if (SECCOMP_SANITIZER || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return;
	landlock_begin(&l, LANDLOCK_SCOPED);
	landlock_allow(&l, folder, RIGHTS_STORE);
	landlock_allow(&l, posts, RIGHTS_POSTS);
	if (authorities)
		allow_place(&l, authorities);
	else
		tls_places(allow_place, &l);
	(void)landlock_enforce(&l);
	SECCOMP_ADD(&f, rules);
	seccomp_add_process(&f);
	(void)seccomp_enforce(&f, SECCOMP_RET_ERRNO | ENOSYS);
}
