// SPDX-License-Identifier: ISC
/*
 * A process beside this one: its descriptors, and its end.
 */
#include "base/aide.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/tap.h"

/* Answers each question with the number of its descriptors above 2; "-" makes it wait for ever. */
static void
count_descriptors(const void *ctx, int fd)
{
	char question;

	while (recv(fd, &question, 1, 0) == 1) {
		int n = *(const int *)ctx;

		for (int i = 3; i < 1024; i++)
			n += fcntl(i, F_GETFD) >= 0;
		if (question == '-')
			for (;;)
				(void)pause();
		(void)send(fd, &n, sizeof n, 0);
	}
}

static int
ask(const struct aide *a)
{
	int n = -1;

	return send(a->fd, "?", 1, 0) == 1 && recv(a->fd, &n, sizeof n, 0) == sizeof n ? n : -1;
}

static void
test_descriptors(void)
{
	static const int hundred = 100;
	const int high = fcntl(0, F_DUPFD, 200);
	struct aide a;
	int status;
	pid_t pid;

	ok(high >= 200, "a descriptor that others must not have");
	if (!ok(aide_start(&a, count_descriptors, &hundred) == 0, "it starts"))
		return;
	ok(ask(&a) == 101, "it has its end of the socket, and no other descriptor");
	ok(ask(&a) == 101, "it answers again");
	(void)close(a.fd);
	pid = waitpid(-1, &status, 0);
	ok(pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0, "a hang-up ends it");
	(void)close(high);
}

/* Its end of the socket is also held here, to notice its death. */
static void
test_death(void)
{
	static const int zero;
	struct pollfd p = { .events = POLLIN };
	struct aide a;
	int status, ends[2];
	pid_t pid;

	if (!ok(pipe(ends) == 0, "a pipe"))
		return;
	pid = fork();
	if (pid == 0) {
		/* The aide keeps 0 to 2: its standard output is the pipe. */
		if (dup2(ends[1], 1) < 0 || close(ends[0]) < 0 || close(ends[1]) < 0 ||
		    aide_start(&a, count_descriptors, &zero) < 0 || ask(&a) != 1 ||
		    send(a.fd, "-", 1, 0) != 1)
			_exit(1);
		(void)raise(SIGKILL);
	}
	(void)close(ends[1]);
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status),
	    "the process that asks is killed");
	p.fd = ends[0];
	ok(poll(&p, 1, 5000) == 1, "that beside it ends too, whatever it does");
	(void)close(ends[0]);
}

static void
test_sigterm(void)
{
	static const int zero;
	struct aide a;

	if (!ok(aide_start(&a, count_descriptors, &zero) == 0, "it starts"))
		return;
	(void)ask(&a);
	(void)signal(SIGTERM, SIG_IGN);
	(void)kill(0, SIGTERM);
	(void)signal(SIGTERM, SIG_DFL);
	ok(ask(&a) == 1, "SIGTERM to all does not end it before its answer");
	aide_end(&a);
	ok(a.fd == -1 && wait(NULL) < 0, "aide_end() has waited for it");
}

int
main(void)
{
	(void)setpgid(0, 0);
	(void)fflush(stdout);
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	test_descriptors();
	test_death();
	test_sigterm();
	return tap_done();
}
