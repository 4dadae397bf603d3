// SPDX-License-Identifier: ISC
/*
 * "inject PID CALL [ARGUMENT]..." makes one system call inside a process that waits in another one.
 * An argument is a number, s:TEXT for a string, or u:PATH for the address of a local socket.
 * Prints the result, "killed", or "failed" if the process cannot be traced.  The process is then
 * stopped, as it must not go on; a further call can be made inside it.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define BELOW 65536		/* octets below the stack of the process, which it does not use */
#define ARGUMENTS_MAX 6
#define SIGNALS_MAX   100
#define STOPS_MAX     3000
#define BETWEEN_US    1000

#ifdef __x86_64__

/* Copy octets to the process.  0 or -1. */
static int
put_octets(pid_t pid, uint64_t at, const void *octets, size_t n)
{
	for (size_t i = 0; i < n; i += sizeof(long)) {
		long word = 0;

		memcpy(&word, (const char *)octets + i, n - i < sizeof word ? n - i : sizeof word);
		if (ptrace(PTRACE_POKEDATA, pid, (void *)(at + i), (void *)word) < 0)
			return -1;
	}
	return 0;
}

/* Copy what an argument names to the process.  1, 0 for a number, or -1. */
static int
put_argument(pid_t pid, uint64_t at, const char *argument)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r;

	if (strncmp(argument, "s:", 2) == 0) {
		r = put_octets(pid, at, argument + 2, strlen(argument) - 1);
	} else if (strncmp(argument, "u:", 2) == 0) {
		(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", argument + 2);
		r = put_octets(pid, at, &address, sizeof address);
	} else {
		return 0;
	}
	return r < 0 ? r : 1;
}

static int
set_up(pid_t pid, int argc, char **argv)
{
	struct user_regs_struct regs;
	unsigned long long *where[ARGUMENTS_MAX] = {
		&regs.rdi, &regs.rsi, &regs.rdx, &regs.r10, &regs.r8, &regs.r9,
	};
	uint64_t text;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		return -1;
	text = (regs.rsp - BELOW) & ~UINT64_C(15);
	for (int i = 0; i < ARGUMENTS_MAX; i++) {
		const char *argument = i + 3 < argc ? argv[i + 3] : "0";

		const int put = put_argument(pid, text, argument);

		if (put < 0)
			return -1;
		*where[i] = put ? text : strtoull(argument, NULL, 0);
		text += 1024;
	}
	regs.rax = strtoull(argv[2], NULL, 0);
	regs.orig_rax = (unsigned long long)-1;		/* the old call does not begin again */
	regs.rip -= 2;					/* to its instruction */
	return (int)ptrace(PTRACE_SETREGS, pid, NULL, &regs);
}

/* Stop the process inside a system call: it may still be on its way there.  0 or -1. */
static int
stop_in_call(pid_t pid)
{
	for (int tries = 0; tries < STOPS_MAX; tries++) {
		struct user_regs_struct regs;
		int status;

		if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0 ||
		    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
		    ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
			return -1;
		if ((long long)regs.orig_rax >= 0)
			return 0;
		(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
		(void)usleep(BETWEEN_US);
	}
	return -1;
}

/* Make the call.  A signal that comes meanwhile is dropped; it may be one of a fault, which comes
 * for ever.  0 or -1. */
static int
take_step(pid_t pid, int *ret_status)
{
	for (int signals = 0; signals < SIGNALS_MAX; signals++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 ||
		    waitpid(pid, ret_status, 0) != pid)
			return -1;
		if (!WIFSTOPPED(*ret_status) || WSTOPSIG(*ret_status) == SIGTRAP)
			return 0;
	}
	return -1;
}

int
main(int argc, char **argv)
{
	const pid_t pid = argc < 3 ? 0 : (pid_t)strtol(argv[1], NULL, 10);
	struct user_regs_struct regs;
	int status;

	if (pid <= 0 || stop_in_call(pid) < 0 || set_up(pid, argc, argv) < 0 ||
	    take_step(pid, &status) < 0) {
		puts("failed");
		return 1;
	}
	if (WIFSIGNALED(status))
		puts("killed");
	else if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		puts("failed");
	else
		printf("%lld\n", (long long)regs.rax);
	(void)ptrace(PTRACE_DETACH, pid, NULL, (void *)(long)SIGSTOP);
	return 0;
}

#else

int
main(void)
{
	puts("failed");
	return 1;
}

#endif
