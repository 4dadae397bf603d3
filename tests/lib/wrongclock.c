// SPDX-License-Identifier: ISC
/*
 * "wrongclock FILE PROGRAM [ARGUMENT]..." runs a program and its children with a wrong clock.  FILE
 * has a number of seconds, which is added to the time of day in each call that asks for it; the
 * file may change meanwhile.  The clocks that nobody sets, such as CLOCK_MONOTONIC, stay right.
 *
 * LD_PRELOAD does not reach a program that is linked statically, and a time namespace does not have
 * the time of day.  So the program is traced, and does not see the vDSO: it has to ask the kernel.
 *
 * Exit: the status of the program, or 125 if it cannot be traced.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNTRACED 125

#ifdef __x86_64__

#define OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | \
    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)

static const char *file;

static long
read_shift(void)
{
	char text[32] = "";
	const int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
		perror(file);
	if (fd >= 0)
		(void)close(fd);
	return strtol(text, NULL, 10);
}

static long
peek(pid_t pid, unsigned long at)
{
	return ptrace(PTRACE_PEEKDATA, pid, (void *)at, NULL);
}

/* The stack of a new program: its arguments, a 0, its environment, a 0, pairs of words. */
static void
hide_vdso(pid_t pid)
{
	struct user_regs_struct regs;
	unsigned long at;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		return;
	at = regs.rsp + 8;
	for (int list = 0; list < 2; list++, at += 8)
		while (peek(pid, at) != 0)
			at += 8;
	for (; peek(pid, at) != AT_NULL; at += 16)
		if (peek(pid, at) == AT_SYSINFO_EHDR)
			(void)ptrace(PTRACE_POKEDATA, pid, (void *)at, (void *)AT_IGNORE);
}

static void
add_shift(pid_t pid, unsigned long at)
{
	if (at)
		(void)ptrace(PTRACE_POKEDATA, pid, (void *)at, (void *)(peek(pid, at) +
		    read_shift()));
}

/* A call has returned. */
static void
after_call(pid_t pid)
{
	struct user_regs_struct regs;
	clockid_t clock;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0 || (long)regs.rax < 0)
		return;
	clock = (clockid_t)regs.rdi;
	if (regs.orig_rax == SYS_clock_gettime &&
	    (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
		add_shift(pid, regs.rsi);
	} else if (regs.orig_rax == SYS_gettimeofday) {
		add_shift(pid, regs.rdi);
	} else if (regs.orig_rax == SYS_time) {
		regs.rax += (unsigned long)read_shift();
		(void)ptrace(PTRACE_SETREGS, pid, NULL, &regs);
	}
}

static bool
is_return(pid_t pid)
{
	struct __ptrace_syscall_info info = { .op = PTRACE_SYSCALL_INFO_NONE };

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) > 0 &&
	    info.op == PTRACE_SYSCALL_INFO_EXIT;
}

/* A process has stopped.  The signal that it gets as it goes on. */
static int
handle_stop(pid_t pid, int status)
{
	const int signal = WSTOPSIG(status);

	if (status >> 16 == PTRACE_EVENT_EXEC)
		hide_vdso(pid);
	if (status >> 16)
		return 0;
	if (signal == (SIGTRAP | 0x80)) {
		if (is_return(pid))
			after_call(pid);
		return 0;
	}
	return signal == SIGSTOP ? 0 : signal;	/* each child begins with a SIGSTOP */
}

static int
trace(pid_t first)
{
	int status, result = UNTRACED;
	pid_t pid;

	if (waitpid(first, &status, __WALL) != first || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, first, NULL, (void *)(long)OPTIONS) < 0 ||
	    ptrace(PTRACE_SYSCALL, first, NULL, NULL) < 0) {
		perror("ptrace");
		return UNTRACED;
	}
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid > 0 && WIFSTOPPED(status))
			(void)ptrace(PTRACE_SYSCALL, pid, NULL,
			    (void *)(long)handle_stop(pid, status));
		else if (pid == first)
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return result;
}

int
main(int argc, char **argv)
{
	pid_t pid;

	if (argc < 3)
		return UNTRACED;
	file = argv[1];
	pid = fork();
	if (pid < 0)
		return UNTRACED;
	if (pid > 0)
		return trace(pid);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
		return UNTRACED;
	(void)execv(argv[2], argv + 2);
	perror(argv[2]);
	return UNTRACED;
}

#else

int
main(void)
{
	return UNTRACED;
}

#endif
