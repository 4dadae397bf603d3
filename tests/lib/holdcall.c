// SPDX-License-Identifier: ISC
/*
 * "holdcall [-l] [-p STEP] NAME REPORT FOLDER PROGRAM [ARGUMENT]..." runs a program and holds all
 * of its processes before one of its steps.  A step is a system call that can be seen from
 * elsewhere, or that looks at what others change: on files in FOLDER, on a connection by TCP, or a
 * write to a pipe at descriptor 1.  Its word is PROCESS:CHANGES:CALL:FILE:NUMBER, as in
 * 0:3:rename:cur/ID:1:
 *
 *	PROCESS		processes are numbered in the order of their birth from 0
 *	CHANGES		that this process has made by then, without those of the lease itself
 *	FILE		below FOLDER; a message's ID is "ID", and other numbers are "N"
 *	NUMBER		of this call of this process on this file since its last change, from 1
 *
 * The report has lines of words:
 *
 *	STEP NAME WORD			with -l
 *	HELD NAME WORD CONNECTIONS	how many connections have begun before; the processes go on
 *					as soon as the file /tmp/go.NAME exists
 *
 * Exit: the status of the program, or 126 if it cannot be traced.
 */
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
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

#include "tests/lib/traced.h"

#define PROCESSES_MAX 512
#define WORDS_MAX     2048
#define WORD_SIZE     200
#define PATH_SIZE     1024
#define ID_LENGTH     16
#define HOLD_US	      20000

struct process {
	struct traced t;
	unsigned changes;
};

/* How a call names what it is about. */
enum about {
	FD,				/* by the first argument */
	FD_SECOND,			/* by the second one, too */
	PATH,				/* as open(2) */
	PATH_AT,			/* as openat(2) */
	PATHS_AT			/* as renameat(2): the second path counts */
};

static const struct call {
	unsigned long long number;
	const char *name;
	enum about about;
	bool changes;
} calls[] = {
	{ SYS_read, "read", FD, false }, { SYS_pread64, "read", FD, false },
	{ SYS_readv, "read", FD, false }, { SYS_write, "write", FD, true },
	{ SYS_pwrite64, "write", FD, true }, { SYS_writev, "write", FD, true },
	{ SYS_pwritev, "write", FD, true }, { SYS_sendto, "write", FD, true },
	{ SYS_sendmsg, "write", FD, true }, { SYS_sendfile, "send", FD_SECOND, true },
	{ SYS_connect, "connect", FD, false }, { SYS_fsync, "sync", FD, true },
	{ SYS_fdatasync, "sync", FD, true }, { SYS_syncfs, "sync", FD, true },
	{ SYS_ftruncate, "cut", FD, true }, { SYS_fallocate, "cut", FD, true },
	{ SYS_flock, "lock", FD, false }, { SYS_fchmod, "mode", FD, true },
	{ SYS_getdents64, "list", FD, false }, { SYS_open, "open", PATH, false },
	{ SYS_openat, "open", PATH_AT, false }, { SYS_mkdir, "mkdir", PATH, true },
	{ SYS_mkdirat, "mkdir", PATH_AT, true }, { SYS_unlink, "unlink", PATH, true },
	{ SYS_unlinkat, "unlink", PATH_AT, true }, { SYS_rmdir, "unlink", PATH, true },
	{ SYS_rename, "rename", PATH, true }, { SYS_renameat, "rename", PATHS_AT, true },
	{ SYS_renameat2, "rename", PATHS_AT, true }, { SYS_linkat, "link", PATHS_AT, true },
	{ SYS_utimensat, "mode", PATH_AT, true }, { SYS_fchmodat, "mode", PATH_AT, true },
	{ SYS_fcntl, "lock", FD, false },
};

static struct process processes[PROCESSES_MAX];
static unsigned nprocesses, nwords, connections;
static char words[WORDS_MAX][WORD_SIZE];	/* of all steps so far, without their numbers */
static const char *name, *folder, *point;
static bool list_steps;
static int report;

static struct process *
process_of(pid_t pid)
{
	for (unsigned i = 0; i < nprocesses; i++)
		if (processes[i].t.pid == pid)
			return &processes[i];
	if (nprocesses == PROCESSES_MAX)
		return NULL;
	processes[nprocesses] = (struct process){ .t.pid = pid };
	return &processes[nprocesses++];
}

/* ---- what a call is about ---- */

/* The path of a descriptor, or of the current folder.  Empty if there is none. */
static void
path_of(pid_t pid, int fd, char ret[PATH_SIZE])
{
	char link[64];
	ssize_t n;

	if (fd == AT_FDCWD)
		(void)snprintf(link, sizeof link, "/proc/%d/cwd", (int)pid);
	else
		(void)snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, fd);
	n = readlink(link, ret, PATH_SIZE - 1);
	ret[n < 0 ? 0 : n] = '\0';
}

/* The path of a name in a folder. */
static void
path_at(pid_t pid, int fd, uint64_t at, char ret[PATH_SIZE])
{
	char text[PATH_SIZE / 2] = "";
	struct iovec here = { text, sizeof text - 1 }, there = { (void *)at, sizeof text - 1 };
	size_t n;

	/* The text may end in the last page that can be read. */
	while (process_vm_readv(pid, &here, 1, &there, 1, 0) < 0 && there.iov_len > 16)
		here.iov_len = there.iov_len /= 2;
	ret[0] = '\0';
	if (text[0] != '/')
		path_of(pid, fd, ret);
	n = strlen(ret);
	(void)snprintf(ret + n, PATH_SIZE - n, "%s%s", n ? "/" : "", text);
}

/* Is it a socket of TCP? */
static bool
is_connection(pid_t pid, int fd)
{
	const int copy = traced_fd(pid, fd);
	int type = 0, domain = 0;
	socklen_t n = sizeof type, m = sizeof domain;

	if (copy >= 0) {
		(void)getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &n);
		(void)getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &domain, &m);
		(void)close(copy);
	}
	return type == SOCK_STREAM && (domain == AF_INET || domain == AF_INET6);
}

/* The part of a path below the folder; NULL if it is elsewhere. */
static const char *
below(const char *path)
{
	const size_t n = strlen(folder);

	if (strncmp(path, folder, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	return path[n] ? path + n + 1 : ".";
}

static const char *
file_of_fd(pid_t pid, int fd, bool writes, char path[PATH_SIZE])
{
	path_of(pid, fd, path);
	if (writes && fd == 1 && strncmp(path, "pipe:", 5) == 0)
		return "out";
	if (writes && strncmp(path, "socket:", 7) == 0 && is_connection(pid, fd))
		return "net";
	return below(path);
}

/* The file or the connection that a call is about; NULL: none that counts. */
static const char *
file_of(pid_t pid, const struct call *c, const struct user_regs_struct *regs, char path[PATH_SIZE])
{
	const bool writes = strcmp(c->name, "read") != 0;
	const char *file;

	switch (c->about) {
	case FD:
		return file_of_fd(pid, (int)regs->rdi, writes, path);
	case FD_SECOND:
		file = file_of_fd(pid, (int)regs->rdi, true, path);
		return file ? file : file_of_fd(pid, (int)regs->rsi, false, path);
	case PATH:
		path_at(pid, AT_FDCWD, regs->rdi, path);
		return below(path);
	case PATH_AT:
		path_at(pid, (int)regs->rdi, regs->rsi, path);
		return below(path);
	default:
		path_at(pid, (int)regs->rdx, regs->r10, path);
		return below(path);
	}
}

/* ---- words ---- */

static bool
is_upper(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

/* Copy the name of a file.  The names of messages and the times in others differ in each run. */
static void
put_file(char *to, size_t size, const char *file)
{
	size_t n = strlen(to);

	while (*file && n + 3 < size) {
		size_t letters = 0, digits = 0;

		while (is_upper(file[letters]))
			letters++;
		while (file[digits] >= '0' && file[digits] <= '9')
			digits++;
		if (letters >= ID_LENGTH) {
			to[n++] = 'I';
			to[n++] = 'D';
			file += letters;
		} else if (digits) {
			to[n++] = 'N';
			file += digits;
		} else {
			to[n++] = *file++;
		}
	}
	to[n] = '\0';
}

/* The word of a step, with the number of its like so far. */
static void
make_word(struct process *p, const struct call *c, const char *file, char ret[WORD_SIZE])
{
	unsigned count = 1;
	size_t n;

	(void)snprintf(ret, WORD_SIZE, "%u:%u:%s:", (unsigned)(p - processes), p->changes,
	    c->name);
	put_file(ret, WORD_SIZE - 8, file);
	for (unsigned i = 0; i < nwords; i++)
		count += strcmp(words[i], ret) == 0;
	if (nwords < WORDS_MAX)
		memcpy(words[nwords++], ret, WORD_SIZE);
	n = strlen(ret);
	(void)snprintf(ret + n, WORD_SIZE - n, ":%u", count);
	p->changes += c->changes && strcmp(file, "tmp/lease") != 0;
}

/* ---- the processes ---- */

/* Nothing is waited for meanwhile, so each process stops at its next system call. */
static void
hold(const char *word)
{
	char path[PATH_SIZE];

	(void)dprintf(report, "HELD %s %s %u\n", name, word, connections);
	(void)snprintf(path, sizeof path, "/tmp/go.%s", name);
	while (access(path, F_OK) < 0)
		(void)usleep(HOLD_US);
	point = NULL;
}

static void
enter_call(struct process *p)
{
	struct user_regs_struct regs;
	char path[PATH_SIZE], word[WORD_SIZE];
	const char *file;

	if (ptrace(PTRACE_GETREGS, p->t.pid, NULL, &regs) < 0)
		return;
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (calls[i].number != regs.orig_rax ||
		    (regs.orig_rax == SYS_fcntl && regs.rsi != F_SETLK && regs.rsi != F_SETLKW))
			continue;
		file = file_of(p->t.pid, &calls[i], &regs, path);
		if (!file)
			return;
		make_word(p, &calls[i], file, word);
		if (list_steps)
			(void)dprintf(report, "STEP %s %s\n", name, word);
		if (point && strcmp(word, point) == 0)
			hold(word);
		connections += regs.orig_rax == SYS_connect;
		return;
	}
}

/* Handle a stop of a process.  The signal to go on with. */
static int
stop(struct process *p, int status)
{
	bool call;
	const int signal = traced_stop(&p->t, status, &call);

	if (call && p->t.in_call)
		enter_call(p);
	return signal;
}

/* Until no process is left.  The status of the first one. */
static int
watch_all(void)
{
	int status, first = 126;
	pid_t pid, child;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		struct process *p = pid > 0 ? process_of(pid) : NULL;

		if (!p)
			continue;
		if (WIFSTOPPED(status)) {
			child = traced_child(pid, status);
			if (child)
				(void)process_of(child);
			(void)ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)stop(p, status));
			continue;
		}
		if (p == processes)
			first = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		p->t.pid = 0;
	}
	return first;
}

int
main(int argc, char **argv)
{
	bool good = true;
	pid_t pid;

	for (int option; (option = getopt(argc, argv, "+lp:")) != -1;)
		switch (option) {
		case 'l':
			list_steps = true;
			break;
		case 'p':
			point = optarg;
			break;
		default:
			good = false;
		}
	if (!good || argc - optind < 4) {
		(void)fputs("usage: holdcall [-l] [-p STEP] NAME REPORT FOLDER PROGRAM "
			    "[ARGUMENT]...\n", stderr);
		return 126;
	}
	name = argv[optind];
	report = open(argv[optind + 1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
	folder = argv[optind + 2];
	if (report < 0 || (pid = traced_start(argv + optind + 3)) < 0) {
		perror("holdcall");
		return 126;
	}
	process_of(pid)->t.started = true;
	return watch_all();
}

#else

int
main(void)
{
	return 126;
}

#endif
