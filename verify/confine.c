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

#define SOCKET_TYPE 0xf		/* without SOCK_NONBLOCK and SOCK_CLOEXEC */
#define SOCKET(family, type)                                                                  \
	{ .call = __NR_socket,                                                                \
	    .tests = { { 1, UINT32_MAX, (family) }, { 2, SOCKET_TYPE, (type) } } }

/* The server, the DNS, memory, time. */
static const struct seccomp_rule calls[] = {
	SOCKET(AF_INET, SOCK_STREAM), SOCKET(AF_INET, SOCK_DGRAM), SOCKET(AF_INET6, SOCK_STREAM),
	SOCKET(AF_INET6, SOCK_DGRAM), SECCOMP_CALL(bind), SECCOMP_CALL(connect),
	SECCOMP_CALL(setsockopt), SECCOMP_CALL(getsockopt), SECCOMP_CALL(getsockname),
	SECCOMP_CALL(getpeername), SECCOMP_CALL(recvfrom), SECCOMP_CALL(sendto),
	SECCOMP_CALL(recvmsg), SECCOMP_CALL(sendmsg), SECCOMP_CALL(read), SECCOMP_CALL(write),
	SECCOMP_CALL(writev), SECCOMP_CALL(ppoll), SECCOMP_CALL(close), SECCOMP_CALL(fstat),
	{ .call = __NR_newfstatat, .tests = { { 4, AT_EMPTY_PATH, AT_EMPTY_PATH } } },
	SECCOMP_WITH(fcntl, 2, F_GETFL), SECCOMP_WITH(fcntl, 2, F_SETFL),
	SECCOMP_WITH(ioctl, 2, FIONREAD),
	SECCOMP_WITHOUT(mmap, 3, PROT_EXEC), SECCOMP_WITHOUT(mprotect, 3, PROT_EXEC),
	SECCOMP_CALL(munmap), SECCOMP_CALL(mremap), SECCOMP_CALL(brk), SECCOMP_CALL(madvise),
	SECCOMP_CALL(futex), SECCOMP_CALL(clock_gettime), SECCOMP_CALL(gettimeofday),
	SECCOMP_CALL(clock_nanosleep), SECCOMP_CALL(getrandom), SECCOMP_CALL(rt_sigprocmask),
	SECCOMP_CALL(rt_sigaction), SECCOMP_CALL(rt_sigreturn), SECCOMP_CALL(restart_syscall),
	SECCOMP_CALL(getpid), SECCOMP_CALL(gettid), SECCOMP_CALL(exit), SECCOMP_CALL(exit_group),
#ifdef SYS_poll
	SECCOMP_CALL(poll),
#endif
};

void
confine_connection(void)
{
	/* abort(3) */
	const struct seccomp_rule own_signal = SECCOMP_WITH(tgkill, 1, getpid());
	struct seccomp f = { .n = 0 };
	struct landlock l;
	int r;

	log_seal();
	landlock_begin(&l, LANDLOCK_SCOPED);
	r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : landlock_enforce(&l);
	if (r < 0 && !SECCOMP_SANITIZER)
		log_text(LOG_LEVEL_WARNING, "sandbox without Landlock: %s", landlock_reason(r));
	SECCOMP_ADD(&f, calls);
	seccomp_add(&f, &own_signal, 1);
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
