// SPDX-License-Identifier: ISC
/*
 * The worker's side: take a job, deliver, report, go on with the next, end when the
 * runner hangs up.  A job that came ahead of its time may be looked at while the one before it is delivered, but is begun
 * only where the runner has not hung up meanwhile.  Must not log, and touches no message but those it was given.
 */
#include "runner/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "runner/frame.h"

/* A job and its message. */
struct hand {
	bool full;
	int error;			/* of loading it */
	struct frame frame;
	struct queue_entry e;
};

struct desk {
	const struct queue *queue;
	int fd;
	struct hosts *hosts;
	struct hand hands[2];
	struct hand *now, *next;
	bool holding;
	struct frame held;		/* FRAME_RCPT: leaves with the next one, or as the job's last */
};

static int
release(struct desk *k, bool last)
{
	const struct frame done = { .type = FRAME_DONE };
	const bool holding = k->holding;

	k->holding = false;
	k->held.rcpt.last = last;
	if (holding)
		return frame_put(k->fd, &k->held);
	return last ? frame_put(k->fd, &done) : 0;
}

/* What becomes of the last recipient and that the job is over is one thing to say: it saves both sides a call, and is said at
 * once anyway. */
static void
send_rcpt(void *ctx, const struct queue_entry *e, uint32_t rcpt, const struct outcome *o)
{
	struct desk *k = ctx;
	struct frame_rcpt *f = &k->held.rcpt;
	struct slice path = e->rcpts[rcpt].path;

	(void)release(k, false);
	k->holding = true;
	k->held.type = FRAME_RCPT;
	*f = (struct frame_rcpt){ .rcpt = rcpt, .outcome = *o, .delay_us = clock_wall_us() - e->arrived_us };
	memcpy(f->path, path.p, path.n < sizeof f->path ? path.n : sizeof f->path - 1);
}

/* The worker's own copy of the table learns, too: its next message profits from what this one found out. */
static void
send_host(void *ctx, const struct host_report *report)
{
	struct desk *k = ctx;
	struct frame f = { .type = FRAME_HOST, .host = *report };

	hosts_learn(k->hosts, report, clock_wall_s());
	(void)frame_put(k->fd, &f);
}

static void
send_moved(void *ctx, const char *destination, const char *host, const char *reply)
{
	struct frame f = { .type = FRAME_MOVED };

	(void)snprintf(f.moved.destination, sizeof f.moved.destination, "%s", destination);
	(void)snprintf(f.moved.host, sizeof f.moved.host, "%s", host);
	(void)snprintf(f.moved.reply, sizeof f.moved.reply, "%s", reply);
	(void)frame_put(((struct desk *)ctx)->fd, &f);
}

static void
send_dns(void *ctx, const struct dns_memo *memo)
{
	struct frame f = { .type = FRAME_DNS };

	memcpy(&f.dns, memo, dns_memo_size(memo));
	(void)frame_put(((struct desk *)ctx)->fd, &f);
}

static bool
take(struct desk *k, struct hand *h, bool wait)
{
	if (h->full)
		return true;
	if (frame_get(k->fd, &h->frame, wait) != 1 || h->frame.type != FRAME_JOB)
		return false;
	h->error = queue_load(k->queue, h->frame.job.id, &h->e);
	h->full = true;
	return true;
}

static bool
look_ahead(void *ctx, struct attempt_job *ret)
{
	struct desk *k = ctx;

	if (!take(k, k->next, false) || k->next->error < 0)
		return false;
	*ret = (struct attempt_job){ &k->next->e, k->next->frame.job.rcpts, k->next->frame.job.n };
	return true;
}

/* Recipients of a message that cannot even be opened are not reported one by one: the
 * runner defers all that a finished job left open. */
static bool
finish(struct desk *k, struct delivery *d)
{
	struct hand *h = k->now;

	if (h->error == 0) {
		deliver(d, &h->e, h->frame.job.rcpts, h->frame.job.n);
		queue_unload(&h->e);
	}
	h->full = false;
	if (release(k, true) < 0)
		return false;
	attempt_may_stop();
	return true;
}

static bool
hung_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0;
}

static void
work(struct desk *k, struct delivery *d)
{
	while (take(k, k->now, true) && finish(k, d)) {
		struct hand *h = k->now;

		k->now = k->next;
		k->next = h;
		if ((k->now->full || take(k, k->now, false)) && hung_up(k->fd))
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
	static struct desk desk;
	struct attempt_sink sink = { .rcpt = send_rcpt, .host = send_host, .moved = send_moved, .ctx = &desk };
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
		.next = look_ahead,
		.next_ctx = &desk,
	};

	if (setup->resolver->cache) {
		setup->resolver->cache->tell = send_dns;
		setup->resolver->cache->ctx = &desk;
	}
	desk.queue = setup->queue;
	desk.fd = fd;
	desk.hosts = setup->hosts;
	desk.now = &desk.hands[0];
	desk.next = &desk.hands[1];
	work(&desk, &d);
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
