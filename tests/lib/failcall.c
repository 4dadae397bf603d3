// SPDX-License-Identifier: ISC
/*
 * "failcall [-l] [-t SECONDS] [-p PROCESS:CALL:NUMBER:FAILURE] REPORT PROGRAM [ARGUMENT]..." runs
 * a program and counts the system calls of each of its processes.  One call of one process fails:
 *
 *	kill				the process gets SIGKILL before the call
 *	EIO ENOSPC EDQUOT EINTR EMFILE	the call does nothing and returns this error
 *	short				a call that writes does so with half of its octets
 *
 * Processes are numbered in the order of their birth from 0, the calls of each from 1.  As no two
 * runs are quite the same, an error is that of the first call from CALL on with this number of the
 * kernel.  The report has lines of words:
 *
 *	call PROCESS NUMBER WORD	with -l; "short": it can write fewer octets, and "stream"
 *					to a pipe or socket; "dup", "wait": what fcntl(2) is to
 *					do; else "-"
 *	hit NUMBER			the call that failed
 *	end PROCESS STATUS FDS		status as wait(2) has it; open descriptors at exit or -1
 *	hung PROCESS			was still there after SECONDS, and was killed
 *
 * Exit: 0 if the report is complete, 1 if not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

#include "tests/lib/traced.h"

#define PROCESSES_MAX 512

enum failure { FAIL_NONE, FAIL_KILL, FAIL_SHORT, FAIL_ERROR };

struct process {
	struct traced t;
	unsigned calls;
	int fds;			/* open at its exit, or -1 */
	enum failure pending;		/* of the call that it is in */
	struct user_regs_struct before;
	struct iovec vector;		/* what `short` has changed */
};

static struct process processes[PROCESSES_MAX];
static unsigned nprocesses;
static struct {
	unsigned process, call;
	unsigned long long number;	/* of the system call */
	enum failure failure;
	int error;
} point = { .process = PROCESSES_MAX };
static bool list_calls;
static FILE *report;
static volatile sig_atomic_t late;

static void
on_alarm(int signal)
{
	(void)signal;
	late = 1;
}

static struct process *
process_of(pid_t pid)
{
	for (unsigned i = 0; i < nprocesses; i++)
		if (processes[i].t.pid == pid)
			return &processes[i];
	if (nprocesses == PROCESSES_MAX)
		return NULL;
	processes[nprocesses] = (struct process){ .t.pid = pid, .fds = -1 };
	return &processes[nprocesses++];
}

static unsigned
number_of(const struct process *p)
{
	return (unsigned)(p - processes);
}

static int
count_fds(pid_t pid)
{
	char path[64];
	DIR *dir;
	int count = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (!dir)
		return -1;
	for (struct dirent *e; (e = readdir(dir));)
		count += e->d_name[0] != '.';
	(void)closedir(dir);
	return count;
}

/* Can a write to this descriptor of a process be short?  A packet is sent as a whole. */
static bool
takes_parts(pid_t pid, int fd)
{
	const int copy = traced_fd(pid, fd);
	int type = SOCK_STREAM;
	socklen_t n = sizeof type;

	if (copy >= 0) {
		(void)getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &n);
		(void)close(copy);
	}
	return copy >= 0 && type == SOCK_STREAM;
}

/* Is a descriptor of a process no file? */
static bool
is_stream(pid_t pid, int fd)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static bool
peek(pid_t pid, uint64_t at, void *octets, size_t n)
{
	struct iovec here = { octets, n }, there = { (void *)at, n };

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)n;
}

static bool
poke(pid_t pid, uint64_t at, const void *octets, size_t n)
{
	struct iovec here = { (void *)(uintptr_t)octets, n }, there = { (void *)at, n };

	return process_vm_writev(pid, &here, 1, &there, 1, 0) == (ssize_t)n;
}

/* The register with the number of octets to write, or of parts; NULL for other calls. */
static unsigned long long *
length_of(struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_write:
	case SYS_pwrite64:
	case SYS_sendto:
	case SYS_writev:
	case SYS_pwritev:
	case SYS_pwritev2:
		return &regs->rdx;
	case SYS_sendfile:
		return &regs->r10;
	case SYS_copy_file_range:
	case SYS_splice:
		return &regs->r8;
	default:
		return NULL;
	}
}

static bool
is_vector(const struct user_regs_struct *regs)
{
	return regs->orig_rax == SYS_writev || regs->orig_rax == SYS_pwritev ||
	    regs->orig_rax == SYS_pwritev2;
}

/* Make a call write half.  False if the call stays as it was, as for one octet. */
static bool
shorten(struct process *p, struct user_regs_struct *regs)
{
	unsigned long long *length = length_of(regs);
	const bool source_first = regs->orig_rax != SYS_copy_file_range &&
	    regs->orig_rax != SYS_splice;
	struct iovec half;

	p->vector = (struct iovec){ 0 };
	if (!length || !takes_parts(p->t.pid, (int)(source_first ? regs->rdi : regs->rdx)))
		return false;
	if (!is_vector(regs) || *length > 1) {
		*length /= 2;
		return *length > 0;
	}
	if (!peek(p->t.pid, regs->rsi, &p->vector, sizeof p->vector) || p->vector.iov_len < 2)
		return false;
	half = (struct iovec){ p->vector.iov_base, p->vector.iov_len / 2 };
	return poke(p->t.pid, regs->rsi, &half, sizeof half);
}

/* A call that fails is replaced by one that does nothing and that every sandbox allows.  close(2)
 * releases its descriptor even if it fails. */
static void
fail_call(struct process *p, struct user_regs_struct *regs)
{
	if (point.failure == FAIL_KILL) {
		(void)kill(p->t.pid, SIGKILL);
	} else if (point.failure == FAIL_ERROR && regs->orig_rax != SYS_close) {
		regs->orig_rax = SYS_close;
		regs->rdi = (unsigned long long)-1;
	} else if (point.failure == FAIL_SHORT && !shorten(p, regs)) {
		return;
	}
	(void)fprintf(report, "hit %llu\n", p->before.orig_rax);
	point.process = PROCESSES_MAX;		/* no further call fails */
	p->pending = point.failure;
	(void)ptrace(PTRACE_SETREGS, p->t.pid, NULL, regs);
}

/* The word of the report about a call. */
static const char *
word_of(struct process *p, const struct user_regs_struct *regs)
{
	struct user_regs_struct copy = *regs;
	const bool can = shorten(p, &copy);

	if (p->vector.iov_len)
		(void)poke(p->t.pid, regs->rsi, &p->vector, sizeof p->vector);
	p->vector = (struct iovec){ 0 };
	if (regs->orig_rax == SYS_fcntl &&
	    (regs->rsi == F_DUPFD || regs->rsi == F_DUPFD_CLOEXEC))
		return "dup";
	if (regs->orig_rax == SYS_fcntl && (regs->rsi == F_SETLKW || regs->rsi == F_OFD_SETLKW))
		return "wait";
	return !can ? "-" : is_stream(p->t.pid, (int)regs->rdi) ? "stream" : "short";
}

static void
enter_call(struct process *p)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, p->t.pid, NULL, &regs) < 0)
		return;
	p->before = regs;
	p->pending = FAIL_NONE;
	p->calls++;
	if (regs.orig_rax == SYS_exit_group)
		p->fds = count_fds(p->t.pid);
	if (list_calls)
		(void)fprintf(report, "call %u %llu %s\n", number_of(p), regs.orig_rax,
		    word_of(p, &regs));
	if (number_of(p) == point.process && p->calls >= point.call &&
	    (point.failure == FAIL_KILL || regs.orig_rax == point.number))
		fail_call(p, &regs);
}

static void
leave_call(struct process *p)
{
	struct user_regs_struct regs;

	if (p->pending == FAIL_NONE || ptrace(PTRACE_GETREGS, p->t.pid, NULL, &regs) < 0)
		return;
	if (p->vector.iov_len)
		(void)poke(p->t.pid, p->before.rsi, &p->vector, sizeof p->vector);
	p->before.rax = regs.rax;
	if (p->pending == FAIL_ERROR)
		p->before.rax = (unsigned long long)-point.error;
	(void)ptrace(PTRACE_SETREGS, p->t.pid, NULL, &p->before);
	p->pending = FAIL_NONE;
}

/* Handle a stop of a process.  The signal to go on with. */
static int
stop(struct process *p, int status)
{
	bool call;
	const int signal = traced_stop(&p->t, status, &call);

	if (call && p->t.in_call)
		enter_call(p);
	else if (call)
		leave_call(p);
	return signal;
}

static void
kill_all(void)
{
	for (unsigned i = 0; i < nprocesses; i++)
		if (processes[i].t.pid) {
			(void)fprintf(report, "hung %u\n", i);
			(void)kill(processes[i].t.pid, SIGKILL);
		}
}

static void
ended(struct process *p, int status)
{
	(void)fprintf(report, "end %u %d %d\n", number_of(p), status, p->fds);
	p->t.pid = 0;
}

/* Until no process is left. */
static bool
watch_all(void)
{
	bool killed = false;

	for (;;) {
		int status;
		const pid_t pid = waitpid(-1, &status, __WALL);
		struct process *p;
		pid_t child;

		if (late && !killed) {
			kill_all();
			killed = true;
		}
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return errno == ECHILD;
		p = process_of(pid);
		if (!p)
			return false;
		if (WIFSTOPPED(status)) {
			child = traced_child(pid, status);
			if (child)
				(void)process_of(child);
			(void)ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)stop(p, status));
		} else {
			ended(p, status);
		}
	}
}

static bool
parse_point(const char *text)
{
	static const struct {
		const char *name;
		enum failure failure;
		int error;
	} failures[] = {
		{ "kill", FAIL_KILL, 0 }, { "short", FAIL_SHORT, 0 }, { "EIO", FAIL_ERROR, EIO },
		{ "ENOSPC", FAIL_ERROR, ENOSPC }, { "EDQUOT", FAIL_ERROR, EDQUOT },
		{ "EINTR", FAIL_ERROR, EINTR }, { "EMFILE", FAIL_ERROR, EMFILE },
	};
	char name[16];

	if (sscanf(text, "%u:%u:%llu:%15s", &point.process, &point.call, &point.number, name) != 4)
		return false;
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
		if (strcmp(failures[i].name, name) == 0) {
			point.failure = failures[i].failure;
			point.error = failures[i].error;
			return true;
		}
	return false;
}

int
main(int argc, char **argv)
{
	const struct sigaction alarmed = { .sa_handler = on_alarm };
	unsigned seconds = 30;
	bool good = true;
	pid_t pid;

	for (int option; (option = getopt(argc, argv, "+lt:p:")) != -1;)
		switch (option) {
		case 'l':
			list_calls = true;
			break;
		case 't':
			seconds = (unsigned)atoi(optarg);
			break;
		case 'p':
			good = good && parse_point(optarg);
			break;
		default:
			good = false;
		}
	if (!good || argc - optind < 2) {
		(void)fputs("usage: failcall [-l] [-t SECONDS] [-p PROCESS:CALL:NUMBER:FAILURE] "
			    "REPORT PROGRAM [ARGUMENT]...\n", stderr);
		return 1;
	}
	report = fopen(argv[optind], "we");
	if (!report || sigaction(SIGALRM, &alarmed, NULL) < 0 ||
	    (pid = traced_start(argv + optind + 1)) < 0) {
		perror("failcall");
		return 1;
	}
	process_of(pid)->t.started = true;
	(void)setitimer(ITIMER_REAL, &(const struct itimerval){ .it_value.tv_sec = (time_t)seconds,
	    .it_interval.tv_sec = 1 }, NULL);
	good = watch_all();
	return fclose(report) == 0 && good ? 0 : 1;
}

#else

int
main(void)
{
	return 1;
}

#endif
