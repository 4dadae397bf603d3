// SPDX-License-Identifier: ISC
/*
 * SIGTERM is for the process that asks: it may wait for an answer.
 */
#include "base/aide.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_US 100
#define WAIT_US	 1000000

static _Noreturn void
serve_only(void (*serve)(const void *ctx, int fd), const void *ctx, int fd, pid_t parent)
{
	const int own = STDERR_FILENO + 1;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	(void)signal(SIGTERM, SIG_IGN);
	if (fd != own && dup2(fd, own) < 0)
		_exit(1);
	if (syscall(SYS_close_range, own + 1, ~0U, 0) < 0)
		_exit(1);
	serve(ctx, own);
	_exit(0);
}

int
aide_start(struct aide *a, void (*serve)(const void *ctx, int fd), const void *ctx)
{
	const pid_t parent = getpid();
	int ends[2], r = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		serve_only(serve, ctx, ends[1], parent);
	if (pid < 0)
		r = -errno;
	(void)close(ends[1]);
	if (r < 0)
		(void)close(ends[0]);
	else
		*a = (struct aide){ ends[0], pid };
	return r;
}

/* As long as nobody has reaped it, the process keeps its number. */
void
aide_end(struct aide *a)
{
	const struct timespec pause = { .tv_nsec = PAUSE_US * 1000 };

	(void)close(a->fd);
	a->fd = -1;
	for (int i = 0; i < WAIT_US / PAUSE_US && waitpid(a->pid, NULL, WNOHANG) == 0; i++)
		(void)nanosleep(&pause, NULL);
}
