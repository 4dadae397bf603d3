// SPDX-License-Identifier: ISC
/*
 * Other filters list what is allowed.  This one lists what is denied, so it is the weaker kind.
 */
#include "base/fence.h"

#include <errno.h>
#include <sys/prctl.h>

#include "base/seccomp.h"

void
fence_calls(void)
{
	static const struct seccomp_rule denied[] = {
		SECCOMP_FAIL(execve, EPERM), SECCOMP_FAIL(execveat, EPERM),
		SECCOMP_FAIL(ptrace, EPERM), SECCOMP_FAIL(process_vm_readv, EPERM),
		SECCOMP_FAIL(process_vm_writev, EPERM), SECCOMP_FAIL(kill, EPERM),
		SECCOMP_FAIL(pidfd_open, EPERM), SECCOMP_FAIL(unshare, EPERM),
		SECCOMP_FAIL(setns, EPERM), SECCOMP_FAIL(mount, EPERM),
		SECCOMP_FAIL(umount2, EPERM), SECCOMP_FAIL(pivot_root, EPERM),
		SECCOMP_FAIL(chroot, EPERM), SECCOMP_FAIL(bpf, EPERM),
		SECCOMP_FAIL(perf_event_open, EPERM), SECCOMP_FAIL(userfaultfd, EPERM),
		SECCOMP_FAIL(keyctl, EPERM), SECCOMP_FAIL(add_key, EPERM),
		SECCOMP_FAIL(init_module, EPERM), SECCOMP_FAIL(finit_module, EPERM),
		SECCOMP_FAIL(kexec_load, EPERM), SECCOMP_FAIL(io_uring_setup, EPERM),
	};
	struct seccomp f = { .n = 0 };

	SECCOMP_ADD(&f, denied);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		(void)seccomp_enforce(&f, SECCOMP_RET_ALLOW);
}
