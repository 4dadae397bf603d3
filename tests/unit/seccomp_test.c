// SPDX-License-Identifier: ISC
/*
 * Filters of system calls, tried: each case is a child with a filter that makes one call.
 */
#include "base/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/seccomp_here.h"
#include "tests/lib/tap.h"

static const struct seccomp_rule basis[] = {
	SECCOMP_CALL(exit_group), SECCOMP_CALL(exit), SECCOMP_CALL(read), SECCOMP_CALL(write),
	SECCOMP_CALL(close), SECCOMP_CALL(fstat), SECCOMP_CALL(lseek), SECCOMP_CALL(munmap),
	SECCOMP_CALL(brk), SECCOMP_CALL(rt_sigreturn), SECCOMP_CALL(getpid),
	SECCOMP_CALL(getrandom), SECCOMP_CALL(dup),
};
static const struct seccomp_rule rules[] = {
	SECCOMP_WITH(socket, 1, AF_UNIX), SECCOMP_WITHOUT(mprotect, 3, PROT_EXEC),
	SECCOMP_WITH_2(setsockopt, 2, SOL_SOCKET, 3, SO_KEEPALIVE),
	SECCOMP_WITH_2(setsockopt, 2, SOL_SOCKET, 3, SO_SNDTIMEO),
	SECCOMP_WITH(fcntl, 2, F_GETFL), SECCOMP_WITH(fcntl, 2, F_GETFD),
	SECCOMP_FAIL(uname, ENOSYS), SECCOMP_WITH(dup, 1, 99), SECCOMP_NULL(msync, 1),
};

/* A filter outside of that one: it allows more. */
static const struct seccomp_rule more[] = {
	SECCOMP_CALL(getppid), SECCOMP_CALL(getuid), SECCOMP_CALL(prctl), SECCOMP_CALL(fcntl),
	SECCOMP_CALL(socket), SECCOMP_CALL(uname), SECCOMP_WITH(setsockopt, 3, SO_BROADCAST),
	SECCOMP_CALL(msync), SECCOMP_CALL(mprotect), SECCOMP_CALL(sched_yield),
};

#define KILLED (-SIGSYS)

static const struct {
	const char *name;
	long call, a, b, c;
	int want;		/* 0, errno, or KILLED */
} cases[] = {
	{ "the first of all numbers", SYS_read, 0, 0, 0, 0 },
	{ "a call without a test", SYS_getpid, 0, 0, 0, 0 },
	{ "a call with a test and a rule without one", SYS_dup, 0, 0, 0, 0 },
	{ "the value of an argument", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0 },
	{ "another value", SYS_socket, AF_INET, SOCK_STREAM, 0, KILLED },
	{ "the value and a high half", SYS_socket, AF_UNIX | 1L << 32, SOCK_STREAM, 0, 0 },
	{ "without the bits", SYS_mprotect, 0, 0, PROT_READ | PROT_WRITE, 0 },
	{ "with one of the bits", SYS_mprotect, 0, 0, PROT_READ | PROT_EXEC, KILLED },
	{ "the first pair", SYS_setsockopt, 99, SOL_SOCKET, SO_KEEPALIVE, EBADF },
	{ "the second pair", SYS_setsockopt, 99, SOL_SOCKET, SO_SNDTIMEO, EBADF },
	{ "a pair of none", SYS_setsockopt, 99, SOL_SOCKET, SO_BROADCAST, KILLED },
	{ "half of a pair", SYS_setsockopt, 99, 6, SO_KEEPALIVE, KILLED },
	{ "the first of two rules", SYS_fcntl, 99, F_GETFL, 0, EBADF },
	{ "the second of two rules", SYS_fcntl, 99, F_GETFD, 0, EBADF },
	{ "a value of neither", SYS_fcntl, 0, F_SETFL, 0, KILLED },
	{ "no pointer", SYS_msync, 0, 0, MS_ASYNC, 0 },
	{ "a pointer", SYS_msync, 4096, 0, MS_ASYNC, KILLED },
	{ "a pointer whose low half is 0", SYS_msync, 1L << 32, 0, MS_ASYNC, KILLED },
	{ "a call that fails", SYS_uname, 0, 0, 0, ENOSYS },
	{ "a call of no rule", SYS_getppid, 0, 0, 0, KILLED },
	{ "a number between two", SYS_getuid, 0, 0, 0, KILLED },
	{ "a call of the outer filter alone", SYS_sched_yield, 0, 0, 0, KILLED },
	{ "a number above all", 0x3fffffff, 0, 0, 0, KILLED },
	{ "a number of the x32 calls", 0x40000000 | SYS_getpid, 0, 0, 0, KILLED },
};

enum how { BASIS_FIRST, BASIS_LAST, WITHIN_MORE, WITHIN_SAME };
static const char *const hows[] = {
	"alone", "rules in another order", "within a filter that allows more",
	"within one that allows the same",
};

/* Enter f, alone or within another filter. */
static int
enter(const struct seccomp *f, enum how how)
{
	static const struct seccomp_rule loading[] = { SECCOMP_CALL(prctl) };
	struct seccomp outer = *f;
	struct seccomp_program p;

	if (how < WITHIN_MORE)
		return seccomp_enforce(f, SECCOMP_RET_KILL_PROCESS);
	if (how == WITHIN_MORE)
		SECCOMP_ADD(&outer, more);
	else
		SECCOMP_ADD(&outer, loading);
	seccomp_build(&p, f, &outer, SECCOMP_RET_KILL_PROCESS);
	if (seccomp_enforce(&outer, SECCOMP_RET_KILL_PROCESS) < 0)
		return -1;
	return seccomp_load(&p);
}

static int
try(size_t i, enum how how)
{
	struct seccomp f = { .n = 0 };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (how == BASIS_FIRST)
			SECCOMP_ADD(&f, basis);
		SECCOMP_ADD(&f, rules);
		if (how != BASIS_FIRST)
			SECCOMP_ADD(&f, basis);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || enter(&f, how) < 0)
			_exit(254);
		errno = 0;
		_exit(syscall(cases[i].call, cases[i].a, cases[i].b, cases[i].c) < 0 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 255;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* With an action that is an errno, and no rule that allows the call. */
static int
try_errno(void)
{
	static const struct seccomp_rule few[] = { SECCOMP_CALL(exit_group) };
	struct seccomp f = { .n = 0 };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		SECCOMP_ADD(&f, few);
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		(void)seccomp_enforce(&f, SECCOMP_RET_ERRNO | EPERM);
		_exit(syscall(SYS_getppid) < 0 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 255;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* A call with more rules than a short jump passes. */
static int
try_many(int value)
{
	static struct seccomp_rule many[SECCOMP_RULES_MAX];
	static const struct seccomp_rule few[] = { SECCOMP_CALL(exit_group) };
	struct seccomp f = { .n = 0 };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < 100; i++)
			many[i] = (struct seccomp_rule)SECCOMP_WITH_2(fcntl, 1, 99, 2, i);
		seccomp_add(&f, many, 100);
		SECCOMP_ADD(&f, few);
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		(void)seccomp_enforce(&f, SECCOMP_RET_KILL_PROCESS);
		_exit(syscall(SYS_fcntl, 99, value, 0) < 0 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 255;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int
main(void)
{
	const char *lacks = seccomp_lacks();

	if (SECCOMP_SANITIZER) {
		struct seccomp none = { .n = 0 };

		ok(seccomp_enforce(&none, SECCOMP_RET_KILL_PROCESS) == -ENOTSUP,
		    "a build with sanitizers has no filter");
		return tap_done();
	}
	if (lacks) {
		printf("1..0 # SKIP no seccomp: %s\n", lacks);
		return 0;
	}
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (enum how how = BASIS_FIRST; how <= WITHIN_SAME; how++) {
			const int got = try(i, how);

			if (!ok(got == cases[i].want, "%s: %s", hows[how], cases[i].name))
				printf("# got %d\n", got);
		}
	ok(try_many(0) == EBADF && try_many(99) == EBADF && try_many(100) == KILLED,
	    "many rules of a call");
	ok(try_errno() == EPERM, "a call of no rule fails, if it shall not kill");
	return tap_done();
}
