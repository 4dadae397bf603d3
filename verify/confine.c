// SPDX-License-Identifier: ISC
/*
 * The DNS needs sockets of UDP and TCP, so the kernel's rules for TCP stay open.
 */
#include "verify/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/log.h"
#include "base/owner.h"
#include "base/seccomp.h"


/* The server and the DNS. */
static const struct seccomp_rule calls[] = {
	SECCOMP_INET, SECCOMP_CALL(bind), SECCOMP_CALL(connect),
	SECCOMP_CALL(setsockopt), SECCOMP_CALL(getsockopt), SECCOMP_CALL(getsockname),
	SECCOMP_CALL(getpeername), SECCOMP_CALL(recvfrom), SECCOMP_CALL(sendto),
	SECCOMP_CALL(recvmsg), SECCOMP_CALL(sendmsg), SECCOMP_CALL(read), SECCOMP_CALL(write),
	SECCOMP_CALL(writev), SECCOMP_CALL(ppoll), SECCOMP_CALL(close), SECCOMP_CALL(fstat),
	{ .call = __NR_newfstatat, .tests = { { 4, AT_EMPTY_PATH, AT_EMPTY_PATH } } },
	SECCOMP_WITH(fcntl, 2, F_GETFL), SECCOMP_WITH(fcntl, 2, F_SETFL),
	SECCOMP_WITH(ioctl, 2, FIONREAD),
	SECCOMP_WITHOUT(mmap, 3, PROT_EXEC), SECCOMP_CALL(clock_nanosleep),
#ifdef SYS_poll
	SECCOMP_CALL(poll),
#endif
};

void
confine_connection(void)
{
	struct seccomp f = { .n = 0 };
	struct landlock l;
	int r;

	log_seal();
	landlock_begin(&l, LANDLOCK_SCOPED);
	r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : landlock_enforce(&l);
	if (r < 0 && !SECCOMP_SANITIZER)
		log_text(LOG_LEVEL_WARNING, "sandbox without Landlock: %s", landlock_reason(r));
	SECCOMP_ADD(&f, calls);
	seccomp_add_process(&f);
	r = seccomp_enforce(&f, SECCOMP_RET_ERRNO | ENOSYS);
	if (r < 0 && r != -ENOTSUP)
		log_text(LOG_LEVEL_WARNING, "sandbox without seccomp: %s", strerror(-r));
}

int
confine_become_user(void)
{
	const struct passwd *user;

	if (geteuid() != 0)
		return 0;
	user = getpwnam("smtp-verify");
	if (!user)
		user = getpwnam("nobody");
	if (!user)
		return -ENOENT;
	return owner_become(&(struct owner){ user->pw_uid, user->pw_gid, user->pw_name });
}
