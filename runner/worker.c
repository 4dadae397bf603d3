// SPDX-License-Identifier: ISC
/*
 * The worker takes a job, delivers it, sends the results, and continues with the next.  It ends
 * when the runner hangs up.  The next job may be read while the current one is delivered.  It does
 * not begin if the runner has hung up by then.  A worker does not log.  It gets each message as an
 * open descriptor, and opens nothing in the queue itself.
 */
#include "runner/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/aide.h"
#include "base/clock.h"
#include "delivery/confine.h"
#include "runner/frame.h"

/* A job and its message, open. */
struct loaded_job {
	int error;			/* the result of loading the message */
	struct frame frame;
	struct queue_entry e;
};

/* The state of this worker. */
struct work {
	const struct queue_lease *lease;	/* NULL: there is none */
	int fd;
	struct hosts *hosts;
	struct loaded_job jobs[WORKER_JOBS + 1];	/* a circle, with room for another frame */
	unsigned first, njobs;		/* the current job; all jobs that are loaded */
	uint32_t rcpts[FRAME_RCPTS_MAX];	/* 0, 1, 2...: those of a job are loaded first */
	bool whole;			/* the way needs all recipients of a message */
	uint32_t allowed;		/* the last leave to dial; 0: none */
	bool answered;			/* ticket is the reply to the last question for one */
	struct ticket ticket;
	bool gone;			/* the runner does not take results any more */
	uint32_t nresults;		/* of the current job */
	bool holding;
	struct frame held;	/* FRAME_RCPT: the job's last, which is sent with its end */
};

/* The job behind i others. */
static struct loaded_job *
nth_job(struct work *k, unsigned i)
{
	return &k->jobs[(k->first + i) % (WORKER_JOBS + 1)];
}

/* ---- the worker's end of the sink ---- */

/* Sends the held result, if any; last: with the end of the job. */
static int
send_held(struct work *k, bool last)
{
	const struct frame done = { .type = FRAME_DONE };
	const bool holding = k->holding;

	k->holding = false;
	k->held.rcpt.last = last;
	if (holding)
		return frame_put(k->fd, &k->held);
	return last ? frame_put(k->fd, &done) : 0;
}

/* One frame has the result of the last recipient and the end of the job, which saves both ends a
 * system call.  The others do not wait: the host may take its time for the next one. */
static void
send_rcpt(void *ctx, const struct attempt_result *result)
{
	struct work *k = ctx;
	struct frame_rcpt *f = &k->held.rcpt;
	size_t n = result->path.n < sizeof f->path ? result->path.n : sizeof f->path - 1;

	(void)send_held(k, false);
	k->holding = true;
	k->held.type = FRAME_RCPT;
	f->rcpt = result->rcpt;
	f->delay_us = result->delay_us;
	f->outcome = *result->outcome;
	memcpy(f->path, result->path.p, n);
	f->path[n] = '\0';
	if (++k->nresults < nth_job(k, 0)->frame.job.n)
		(void)send_held(k, false);
}

/* This worker's copy of the table learns too, for its next message. */
static void
send_host(void *ctx, const struct host_report *report)
{
	struct work *k = ctx;
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
	(void)frame_put(((struct work *)ctx)->fd, &f);
}

static void
send_session(void *ctx, const struct tls_result *session)
{
	const struct frame f = { .type = FRAME_SESSION, .session = *session };

	(void)frame_put(((struct work *)ctx)->fd, &f);
}

static void
send_dns(void *ctx, const struct dns_memo *memo)
{
	struct frame f = { .type = FRAME_DNS };

	memcpy(&f.dns, memo, dns_memo_size(memo));
	(void)frame_put(((struct work *)ctx)->fd, &f);
}

static void
send_done(void *ctx)
{
	struct work *k = ctx;

	k->gone = send_held(k, true) < 0;
}

/* ---- jobs ---- */

/* The runner has its recipients from a process that a message may have taken over.  Are they those
 * of this message, and none has it yet? */
static bool
has_pending(const struct queue_entry *e, const struct frame_job *job)
{
	for (size_t i = 0; i < job->n; i++)
		if (e->rcpts[i].state != QUEUE_PENDING)
			return false;
	return true;
}

/* To read an envelope of thousands of recipients takes much longer than to deliver to some. */
static int
load_job(struct work *k, struct loaded_job *h, int message)
{
	static const struct queue_lines all_lines;
	const struct frame_job *job = &h->frame.job;
	const struct queue_part part = {
		.lines = k->whole ? all_lines : job->lines, .at = job->at, .n = job->n,
	};
	const int error = queue_load_open(message, job->id, &part, &h->e);

	for (uint32_t i = 0; i < job->n; i++)
		k->rcpts[i] = i;
	h->e.lease = k->lease;
	if (error < 0 || has_pending(&h->e, &h->frame.job))
		return error;
	queue_unload(&h->e);
	return -EBADMSG;
}

/* Takes one frame: a job, the leave to dial, or a ticket. */
static bool
take_frame(struct work *k, bool wait)
{
	struct loaded_job *h = nth_job(k, k->njobs);
	int message;

	if (frame_get_job(k->fd, &h->frame, wait, &message) != 1)
		return false;
	if (h->frame.type == FRAME_LEAVE) {
		k->allowed = h->frame.leave.allowed;
		return true;
	}
	if (h->frame.type == FRAME_FOUND) {
		memcpy(&k->ticket, &h->frame.ticket, ticket_size(&h->frame.ticket));
		k->answered = true;
		return true;
	}
	if (h->frame.type != FRAME_JOB || k->njobs == WORKER_JOBS)
		return false;
	h->error = load_job(k, h, message);
	k->njobs++;
	return true;
}

static bool
take_job(struct work *k, unsigned i, bool wait)
{
	while (k->njobs <= i)
		if (!take_frame(k, wait))
			return false;
	return true;
}

/* Jobs may come before the reply.  Without one the runner has taken all jobs back. */
static uint32_t
ask_leave(void *ctx, const uint64_t *sites, size_t n)
{
	struct work *k = ctx;
	struct frame f = { .type = FRAME_DIAL, .dial = { .n = (uint32_t)n } };

	memcpy(f.dial.sites, sites, n * sizeof *sites);
	k->allowed = 0;
	if (send_held(k, false) < 0 || frame_put(k->fd, &f) < 0)
		_exit(0);
	while (!k->allowed)
		if (!take_frame(k, true))
			_exit(0);
	return k->allowed;
}

static void
send_dialled(void *ctx, uint64_t site)
{
	const struct frame f = { .type = FRAME_DIALLED, .dial = { 1, { site } } };

	(void)frame_put(((struct work *)ctx)->fd, &f);
}

static void
send_ticket(void *ctx, const struct ticket *ticket)
{
	struct work *k = ctx;
	static struct frame f;

	f.type = FRAME_TICKET;
	memcpy(&f.ticket, ticket, ticket_size(ticket));
	(void)frame_put(k->fd, &f);
}

/* Without a reply, as the runner has hung up, the session begins without a ticket. */
static bool
ask_ticket(void *ctx, const struct ticket_kind *kind, struct ticket *ret)
{
	const struct frame f = { .type = FRAME_WANT, .want = *kind };
	struct work *k = ctx;

	k->answered = false;
	if (frame_put(k->fd, &f) < 0)
		return false;
	while (!k->answered)
		if (!take_frame(k, true))
			return false;
	memcpy(ret, &k->ticket, ticket_size(&k->ticket));
	return ret->n > 0;
}

static bool
look_ahead(void *ctx, struct attempt_job *ret)
{
	struct work *k = ctx;
	struct loaded_job *next = nth_job(k, 1);

	if (!take_job(k, 1, false) || next->error < 0)
		return false;
	*ret = (struct attempt_job){ &next->e, k->rcpts, next->frame.job.n };
	return true;
}

/* Has the process that signs died?  Its death costs the current message, and no other. */
static bool
is_spent(const struct delivery *d)
{
	return d->signer && d->signer->fd < 0;
}

/* Delivers the current job; false if there can be no other.  A message that cannot be opened has no
 * results: the runner defers its recipients at the end of the job. */
static bool
finish_job(struct work *k, struct delivery *d)
{
	struct loaded_job *h = nth_job(k, 0);

	k->nresults = 0;
	if (h->error == 0) {
		deliver(d, &h->e, k->rcpts, h->frame.job.n);
		queue_unload(&h->e);
	}
	k->first = (k->first + 1) % (WORKER_JOBS + 1);
	k->njobs--;
	d->sink->done(d->sink->ctx);
	if (k->gone || is_spent(d))
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
work_off(struct work *k, struct delivery *d)
{
	while (take_job(k, 0, true) && finish_job(k, d))
		if (take_job(k, 0, false) && hung_up(k->fd))
			break;
	delivery_done(d);
}

static void
reset_signals(void)
{
	sigset_t none;

	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
	/* A Ctrl-C at the terminal is for the runner, which lets deliveries end in good order. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Close all descriptors from 3 on, except these; -1 stands for none. */
static void
close_others(int *keep, size_t n)
{
	int from = STDERR_FILENO + 1;

	qsort(keep, n, sizeof *keep, by_number);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < from)
			continue;
		if (keep[i] > from)
			(void)close_range((unsigned)from, (unsigned)keep[i] - 1, 0);
		from = keep[i] + 1;
	}
	(void)close_range((unsigned)from, ~0U, 0);
}

/* Close what the way does not need.  The result has the folders of the queue that it writes new
 * messages to; the runner's own are for no other way. */
static struct queue
take_descriptors(const struct worker_setup *setup, int fd, int permits)
{
	struct queue q = *setup->queue;

	q.root = q.cur = q.wait = q.hold = q.dead = q.state = -1;
	if (!delivery_way_of(setup->route)->queues)
		q.tmp = q.fresh = -1;
	close_others((int[]){ fd, permits, setup->validator, q.lock, q.tmp, q.fresh,
	    setup->fetcher ? setup->fetcher->fd : -1 }, 7);
	return q;
}

static _Noreturn void
worker_main(const struct worker_setup *setup, int fd, int permits)
{
	const struct queue queue = take_descriptors(setup, fd, permits);
	static struct transcript transcript;
	static struct work work;
	struct dns_resolver resolver = *setup->resolver;
	const struct attempt_sink sink = {
		.rcpt = send_rcpt, .host = send_host, .moved = send_moved,
		.session = send_session, .dns = send_dns, .dial = ask_leave,
		.dialled = send_dialled, .ticket = send_ticket, .want = ask_ticket,
		.done = send_done, .ctx = &work,
	};
	struct delivery d = {
		.config = setup->config,
		.route = setup->route,
		.destination = setup->destination,
		.resolver = &resolver,
		.hosts = setup->hosts,
		.sink = &sink,
		.queue = &queue,
		.aliases = setup->aliases,
		.fetcher = setup->fetcher,
		.transcript = &transcript,
		.next = look_ahead,
		.next_ctx = &work,
		.permits = permits < 0 ? 0 : permits,
	};

	resolver.validator = setup->validator;
	if (setup->resolver->cache) {
		setup->resolver->cache->learned = sink.dns;
		setup->resolver->cache->ctx = sink.ctx;
	}
	if (delivery_confine(&d, &resolver) < 0)
		_exit(WORKER_UNREADY);
	work.fd = fd;
	work.whole = delivery_way_of(setup->route)->queues;
	work.hosts = setup->hosts;
	work.lease = queue.lease;
	work_off(&work, &d);
	_exit(is_spent(&d) ? WORKER_SPENT : 0);
}

/* A pair for permits, if the worker's mail may be signed; else both are -1.  0 or -errno. */
static int
open_permits(const struct worker_setup *setup, int ret[2])
{
	ret[0] = ret[1] = -1;
	if (setup->config->ndkim == 0 || !way_of(setup->route->via)->over_link)
		return 0;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0 ? -errno : 0;
}

static void
close_pair(const int pair[2])
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			(void)close(pair[i]);
}

int
worker_start(const struct worker_setup *setup, struct worker *ret)
{
	int pair[2], permits[2], r;
	pid_t pid, parent = getpid();

	delivery_confine_prepare(setup->route, setup->config, setup->queue);
	r = open_permits(setup, permits);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		r = -errno;
		close_pair(permits);
		return r;
	}
	pid = fork();
	if (pid < 0) {
		r = -errno;
		close_pair(pair);
		close_pair(permits);
		return r;
	}
	if (pid == 0) {
		/* If the runner is killed its workers must end, or the next runner would deliver
		 * the same messages at the same time. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		reset_signals();
		worker_main(setup, pair[1], permits[1]);
	}
	(void)close(pair[1]);
	if (permits[1] >= 0)
		(void)close(permits[1]);
	ret->pid = pid;
	ret->fd = pair[0];
	ret->permits = permits[0];
	return 0;
}

/* ---- the runner's end of the sink ---- */

static void
pass_rcpt(const struct frame_rcpt *f, const struct attempt_sink *sink)
{
	sink->rcpt(sink->ctx, &(struct attempt_result){
		.rcpt = f->rcpt, .path = slice_str(f->path), .outcome = &f->outcome,
		.delay_us = f->delay_us,
	});
	if (f->last)
		sink->done(sink->ctx);
}

/* 1, or -EBADMSG if the worker will never read the reply, which it waits for: it asks again and
 * again, or the kernel had no room.  If it has ended, that is seen elsewhere. */
static int
put_reply(int fd, const struct frame *reply)
{
	const int r = frame_put(fd, reply);

	return r == 0 || r == -EPIPE || r == -ECONNRESET ? 1 : -EBADMSG;
}

static int
pass_dial(int fd, const struct frame_dial *f, const struct attempt_sink *sink)
{
	const struct frame reply = {
		.type = FRAME_LEAVE, .leave.allowed = sink->dial(sink->ctx, f->sites, f->n)
	};

	return reply.leave.allowed ? put_reply(fd, &reply) : 1;
}

static int
pass_want(int fd, const struct ticket_kind *kind, const struct attempt_sink *sink)
{
	static struct frame reply;

	reply.type = FRAME_FOUND;
	if (!sink->want(sink->ctx, kind, &reply.ticket)) {
		reply.ticket.kind = *kind;
		reply.ticket.n = 0;
	}
	return put_reply(fd, &reply);
}

int
worker_receive(int fd, const struct attempt_sink *sink)
{
	static struct frame f;
	const int r = frame_get(fd, &f, false);

	if (r <= 0 || !sink)
		return r;
	switch (f.type) {
	case FRAME_RCPT:
		pass_rcpt(&f.rcpt, sink);
		break;
	case FRAME_HOST:
		sink->host(sink->ctx, &f.host);
		break;
	case FRAME_MOVED:
		sink->moved(sink->ctx, f.moved.destination, f.moved.host, f.moved.reply);
		break;
	case FRAME_SESSION:
		sink->session(sink->ctx, &f.session);
		break;
	case FRAME_DNS:
		sink->dns(sink->ctx, &f.dns);
		break;
	case FRAME_DIAL:
		return pass_dial(fd, &f.dial, sink);
	case FRAME_DIALLED:
		sink->dialled(sink->ctx, f.dial.sites[0]);
		break;
	case FRAME_TICKET:
		sink->ticket(sink->ctx, &f.ticket);
		break;
	case FRAME_WANT:
		return pass_want(fd, &f.want, sink);
	case FRAME_DONE:
		sink->done(sink->ctx);
		break;
	case FRAME_JOB:			/* only the runner sends these */
	case FRAME_LEAVE:
	case FRAME_FOUND:
		return -EBADMSG;
	}
	return 1;
}
