// SPDX-License-Identifier: ISC
/*
 * No filter sees the address of connect(2): the kernel compares the port only.
 */
#include "shared/confine.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/landlock.h"
#include "base/seccomp.h"

#define MEMORY_MAX (256 << 20)	/* of addresses: libraries take most */

static const struct seccomp_rule common[] = {
	SECCOMP_CALL(connect), SECCOMP_CALL(setsockopt), SECCOMP_CALL(getsockopt),
	SECCOMP_CALL(sendto), SECCOMP_CALL(recvfrom), SECCOMP_CALL(sendmsg), SECCOMP_CALL(write),
	SECCOMP_CALL(writev), SECCOMP_CALL(close), SECCOMP_CALL(ppoll), SECCOMP_CALL(fstat),
	SECCOMP_CALL(recvmsg), SECCOMP_CALL(epoll_ctl), SECCOMP_CALL(epoll_pwait),
	SECCOMP_FAIL(openat, EACCES), SECCOMP_FAIL(newfstatat, EACCES),
	SECCOMP_WITHOUT(mmap, 3, PROT_EXEC),
#ifdef SYS_poll
	SECCOMP_CALL(poll), SECCOMP_CALL(epoll_wait),
#endif
};

static const struct seccomp_rule inet[] = {
	SECCOMP_SOCKET(AF_INET, SOCK_STREAM, 0), SECCOMP_SOCKET(AF_INET6, SOCK_STREAM, 0),
};

static const struct seccomp_rule local[] = { SECCOMP_SOCKET(AF_UNIX, SOCK_STREAM, 0) };

void
shared_confine(const struct redis_place *place)
{
	const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };
	const bool is_local = place->address.ss_family == AF_UNIX;
	struct landlock l;
	struct seccomp f = { .n = 0 };

	if (SECCOMP_SANITIZER || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return;
	(void)setrlimit(RLIMIT_AS, &memory);
	landlock_begin(&l, LANDLOCK_NO_TCP | LANDLOCK_SCOPED);
	if (!is_local)
		landlock_allow_port(&l, address_port((const struct sockaddr *)&place->address));
	(void)landlock_enforce(&l);
	SECCOMP_ADD(&f, common);
	if (is_local)
		SECCOMP_ADD(&f, local);
	else
		SECCOMP_ADD(&f, inet);
	seccomp_add_process(&f);
	(void)seccomp_enforce(&f, SECCOMP_RET_KILL_PROCESS);
}
