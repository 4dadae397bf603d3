// SPDX-License-Identifier: ISC
/* Are there filters of system calls here?  An emulator of programs has none, nor has a machine
 * whose calls smtp-handler does not know. */
#ifndef TESTS_LIB_SECCOMP_HERE_H
#define TESTS_LIB_SECCOMP_HERE_H

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/seccomp.h"

/* The cause why there are none, or NULL.  The process itself is not filtered. */
static inline const char *
seccomp_lacks(void)
{
	const struct seccomp empty = { .n = 0 };
	int status;
	const pid_t pid = fork();

	if (pid == 0)
		_exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? 1 :
		    -seccomp_enforce(&empty, SECCOMP_RET_ALLOW));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		abort();
	return WEXITSTATUS(status) ? seccomp_reason(-WEXITSTATUS(status)) : NULL;
}

#endif
