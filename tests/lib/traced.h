// SPDX-License-Identifier: ISC
/*
 * A program and its processes under ptrace(2), stopped before and after each system call.  A
 * program that includes this has `struct process`, which begins with a struct traced, and waits
 * for all of them itself.
 */
#ifndef TESTS_LIB_TRACED_H
#define TESTS_LIB_TRACED_H

#include <signal.h>
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACED_OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | \
    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)

struct traced {
	pid_t pid;			/* 0: it has ended */
	bool started, in_call;
};

/* Handle a stop of a process.  The signal to go on with.  *ret_call: a system call begins, if it is
 * in one now, or has ended. */
static int
traced_stop(struct traced *t, int status, bool *ret_call)
{
	const int signal = WSTOPSIG(status);

	*ret_call = signal == (SIGTRAP | 0x80);
	if (*ret_call) {
		t->in_call = !t->in_call;
		return 0;
	}
	if (status >> 16)
		return 0;			/* an event of ptrace(2) */
	if (signal == SIGSTOP && !t->started) {
		t->started = true;
		return 0;
	}
	return signal;
}

/* The child that a process has just made; 0: none. */
static pid_t
traced_child(pid_t parent, int status)
{
	const int event = status >> 16;
	unsigned long child;

	if ((event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
	     event == PTRACE_EVENT_CLONE) &&
	    ptrace(PTRACE_GETEVENTMSG, parent, NULL, &child) == 0)
		return (pid_t)child;
	return 0;
}

/* Start a program, which goes on to its first system call.  Its process, or -1. */
static pid_t
traced_start(char **argv)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(126);
		(void)raise(SIGSTOP);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)TRACED_OPTIONS) < 0 ||
	    ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
		return -1;
	return pid;
}

/* A descriptor for what the descriptor of a process is for, or -1. */
static int
traced_fd(pid_t pid, int fd)
{
	const int process = (int)syscall(SYS_pidfd_open, pid, 0);
	const int copy = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, fd, 0);

	if (process >= 0)
		(void)close(process);
	return copy;
}

#endif
