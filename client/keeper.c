// SPDX-License-Identifier: ISC
/*
 * A process between us and the program: orphans among the program's processes become its children
 * (a subreaper), and it kills its children until it has none.  A hang-up of our end of its socket
 * makes it do so at once, so the program ends even if we are killed.
 */
#include "client/keeper.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/words.h"
#include "config/route.h"

#define KILL_MS 2000		/* for a tree of processes that goes on forking */

enum { FD_CONTROL = 3, FD_OUT, FD_ERR, FD_FREE };

/* Cut the command into words, in place. */
static void
split(char *command, char *argv[ROUTE_COMMAND_WORDS + 1])
{
	struct slice rest = slice_str(command), word;
	char *end = NULL;
	size_t n = 0;

	while (n < ROUTE_COMMAND_WORDS && (word = words_next(&rest)).n) {
		if (end)		/* of the word before, which is read already */
			*end = '\0';
		argv[n] = command + (word.p - command);
		end = argv[n++] + word.n;
	}
	if (end)
		*end = '\0';
	argv[n] = NULL;
}

static _Noreturn void
run_program(const char *command)
{
	char space[ROUTE_COMMAND_MAX + 1], *argv[ROUTE_COMMAND_WORDS + 1];
	const int null = open("/dev/null", O_RDONLY);

	(void)snprintf(space, sizeof space, "%s", command);
	split(space, argv);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (!argv[0] || null < 0 || dup2(null, 0) < 0 || dup2(FD_OUT, 1) < 0 ||
	    dup2(FD_ERR, 2) < 0)
		_exit(127);
	(void)close_range(FD_CONTROL, ~0U, 0);
	(void)execv(argv[0], argv);
	(void)dprintf(2, "cannot start it: %s\n", strerror(errno));
	_exit(127);
}

/* The parent of a process, by the number that is its name in /proc; 0 if it has gone. */
static pid_t
parent_of(const char *number)
{
	char path[300], text[512];
	const char *p;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%s/stat", number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')');		/* "12 (name) S 11 ..."; a name may have anything */
	return p && strlen(p) > 4 ? (pid_t)strtol(p + 4, NULL, 10) : 0;
}

/* Kill all children of this process.  Their number. */
static unsigned
kill_children(void)
{
	DIR *processes = opendir("/proc");
	const pid_t self = getpid();
	const struct dirent *entry;
	unsigned n = 0;

	while (processes && (entry = readdir(processes)))
		if (isdigit((unsigned char)entry->d_name[0]) && parent_of(entry->d_name) == self)
			n += kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL) == 0;
	if (processes)
		(void)closedir(processes);
	return n;
}

/* When a child has ended, its own children are ours, and so on. */
static void
end_tree(void)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	const int64_t until_ms = clock_ms() + KILL_MS;

	do {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 || kill_children() == 0)
			return;
		(void)nanosleep(&pause, NULL);
	} while (clock_left_ms(until_ms) > 0);
}

/* Wait for the end of the program, or for a hang-up.  Its wait status, or -errno. */
static int
watch_program(pid_t program)
{
	struct pollfd fds[] = {
		{ .fd = pidfd_open(program, 0), .events = POLLIN },
		{ .fd = FD_CONTROL, .events = POLLRDHUP },
	};
	int status = -ECHILD;

	while (fds[0].fd >= 0 && poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	/* The group first: after the wait its number may be another's. */
	(void)kill(-program, SIGKILL);
	(void)kill(program, SIGKILL);	/* it may have no group of its own yet */
	while (waitpid(program, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Bring the descriptors to their places, and close all others: the ends of our sockets would stay
 * open. */
static bool
place_descriptors(int control, int out, int err)
{
	const int high[] = {
		fcntl(control, F_DUPFD, 2 * FD_FREE), fcntl(out, F_DUPFD, 2 * FD_FREE),
		fcntl(err, F_DUPFD, 2 * FD_FREE),
	};

	for (int i = 0; i < 3; i++)
		if (high[i] < 0 || dup2(high[i], FD_CONTROL + i) < 0)
			return false;
	return close_range(FD_FREE, ~0U, 0) == 0;
}

static _Noreturn void
keep_program(const char *command, int control, int out, int err)
{
	sigset_t none;
	pid_t program;
	int status;

	(void)setpgid(0, 0);
	(void)signal(SIGTERM, SIG_IGN);	/* the hang-up ends it */
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (!place_descriptors(control, out, err) ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 || (program = fork()) < 0)
		_exit(1);
	if (program == 0) {
		(void)signal(SIGTERM, SIG_DFL);
		(void)signal(SIGHUP, SIG_DFL);
		run_program(command);
	}
	(void)close(FD_OUT);
	(void)close(FD_ERR);
	status = watch_program(program);
	end_tree();
	(void)!write(FD_CONTROL, &status, sizeof status);
	_exit(0);
}

int
keeper_start(struct keeper *k, const char *command, int out, int err)
{
	int ends[2], r = 0;

	*k = (struct keeper){ .pid = -1, .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	k->fd = ends[0];
	k->pid = fork();
	if (k->pid < 0)
		r = -errno;
	if (k->pid == 0)
		keep_program(command, ends[1], out, err);
	(void)close(ends[1]);
	return r;
}

int
keeper_status(const struct keeper *k)
{
	int status;
	ssize_t n;

	do
		n = recv(k->fd, &status, sizeof status, MSG_WAITALL);
	while (n < 0 && errno == EINTR);
	return n == sizeof status ? status : -ECHILD;
}

void
keeper_end(struct keeper *k)
{
	if (k->fd >= 0)
		(void)close(k->fd);
	while (k->pid > 0 && waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*k = (struct keeper){ .pid = -1, .fd = -1 };
}
