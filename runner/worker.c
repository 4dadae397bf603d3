// SPDX-License-Identifier: ISC
/*
 * The worker's side: take a job, deliver, report, wait for the next, end when the
 * runner hangs up.  Must not log, and touches no message but the one it was given.
 */
#include "runner/worker.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "runner/frame.h"

static void
send_rcpt(void *ctx, const struct queue_entry *e, uint32_t rcpt, const struct outcome *o)
{
	struct frame f = { .type = FRAME_RCPT, .rcpt = { .rcpt = rcpt, .outcome = *o } };
	struct slice path = e->rcpts[rcpt].path;

	f.rcpt.delay_us = clock_wall_us() - e->arrived_us;
	memcpy(f.rcpt.path, path.p, path.n < sizeof f.rcpt.path ? path.n : sizeof f.rcpt.path - 1);
	(void)frame_put(*(int *)ctx, &f);
}

static void
send_host(void *ctx, const struct host_report *report)
{
	struct frame f = { .type = FRAME_HOST, .host = *report };

	(void)frame_put(*(int *)ctx, &f);
}

/* Recipients of a message that cannot even be opened are not reported one by one: the
 * runner defers all that a finished job left open. */
static void
work(struct delivery *d, const struct queue *q, int fd)
{
	static struct frame f;
	struct queue_entry e;

	while (frame_get(fd, &f, true) == 1 && f.type == FRAME_JOB) {
		if (queue_load(q, f.job.id, &e) == 0) {
			deliver(d, &e, f.job.rcpts, f.job.n);
			queue_unload(&e);
		}
		f.type = FRAME_DONE;
		if (frame_put(fd, &f) < 0)
			break;
	}
	delivery_done(d);
}

static void
reset_signals(void)
{
	sigset_t none;

	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
	/* A Ctrl-C at the terminal is for the runner: it lets a delivery end in good order. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void
worker_main(const struct worker_setup *setup, int fd)
{
	static struct transcript transcript;
	struct delivery_sink sink = { .rcpt = send_rcpt, .host = send_host, .ctx = &fd };
	struct delivery d = {
		.config = setup->config,
		.route = setup->route,
		.destination = setup->destination,
		.resolver = setup->resolver,
		.hosts = setup->hosts,
		.sink = &sink,
		.queue = setup->queue,
		.aliases = setup->aliases,
		.transcript = &transcript,
	};

	work(&d, setup->queue, fd);
	_exit(0);
}

int
worker_start(const struct worker_setup *setup, void (*before)(void *ctx), void *ctx,
    pid_t *ret_pid, int *ret_fd)
{
	int pair[2], r;
	pid_t pid, parent = getpid();

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		r = -errno;
		close(pair[0]);
		close(pair[1]);
		return r;
	}
	if (pid == 0) {
		/* A runner that was killed must not leave deliveries behind: the next one
		 * would do them again. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		reset_signals();
		close(pair[0]);
		before(ctx);
		worker_main(setup, pair[1]);
	}
	close(pair[1]);
	*ret_pid = pid;
	*ret_fd = pair[0];
	return 0;
}
