// SPDX-License-Identifier: ISC
/*
 * Sending and receiving frames.  The other end may be a process that a stranger has taken over, so
 * each field is checked before a frame is used.
 */
#include "runner/frame.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/foreign.h"
#include "base/passing.h"

/* The octets of a frame that are in use: a job for one recipient has 30, not 4 KB. */
static size_t
frame_size(const struct frame *f)
{
	switch (f->type) {
	case FRAME_JOB:
		return offsetof(struct frame, job.at) + f->job.n * sizeof f->job.at[0];
	case FRAME_RCPT:
		return offsetof(struct frame, rcpt) + sizeof f->rcpt;
	case FRAME_HOST:
		return offsetof(struct frame, host) + sizeof f->host;
	case FRAME_MOVED:
		return offsetof(struct frame, moved) + sizeof f->moved;
	case FRAME_SESSION:
		return offsetof(struct frame, session) + sizeof f->session;
	case FRAME_DNS:
		return offsetof(struct frame, dns) + dns_memo_size(&f->dns);
	case FRAME_DIAL:
	case FRAME_DIALLED:
		return offsetof(struct frame, dial.sites) + f->dial.n * sizeof f->dial.sites[0];
	case FRAME_LEAVE:
		return offsetof(struct frame, leave) + sizeof f->leave;
	case FRAME_TICKET:
	case FRAME_FOUND:
		return offsetof(struct frame, ticket) + ticket_size(&f->ticket);
	case FRAME_WANT:
		return offsetof(struct frame, want) + sizeof f->want;
	case FRAME_DONE:
		break;
	}
	return offsetof(struct frame, job);
}

static bool
good_job(const struct frame_job *j)
{
	return memchr(j->id, '\0', sizeof j->id) && queue_is_id(j->id);
}

static bool
good_rcpt(const struct frame_rcpt *r)
{
	/* A clock that was set makes any delay; one that is half of all cannot be added to. */
	return foreign_bool(&r->last) && foreign_line(r->path, sizeof r->path) &&
	    r->delay_us >= -INT64_MAX / 2 && r->delay_us <= INT64_MAX / 2 &&
	    outcome_valid(&r->outcome);
}

static bool
good_moved(const struct frame_moved *m)
{
	return foreign_line(m->destination, sizeof m->destination) &&
	    foreign_line(m->host, sizeof m->host) && foreign_line(m->reply, sizeof m->reply);
}

static bool
good_fields(const struct frame *f)
{
	switch (f->type) {
	case FRAME_JOB:
		return good_job(&f->job);
	case FRAME_RCPT:
		return good_rcpt(&f->rcpt);
	case FRAME_HOST:
		return host_report_valid(&f->host);
	case FRAME_MOVED:
		return good_moved(&f->moved);
	case FRAME_SESSION:
		return tls_result_valid(&f->session);
	case FRAME_DNS:
		return dns_memo_valid(&f->dns);
	case FRAME_DIAL:
		return f->dial.n > 0;
	case FRAME_DIALLED:
		return f->dial.n == 1;
	case FRAME_LEAVE:
		return f->leave.allowed != 0;
	case FRAME_TICKET:
	case FRAME_FOUND:
		return ticket_valid(&f->ticket);
	case FRAME_WANT:
		return foreign_bool(&f->want.own);
	case FRAME_DONE:
		return true;
	}
	return false;
}

/* The one decoder: are these n octets a whole frame, with a valid value in each field?  Octets
 * behind them may be left from another frame. */
static bool
good_frame(const struct frame *f, size_t n)
{
	if (n < offsetof(struct frame, job))
		return false;
	if (f->type == FRAME_JOB &&
	    (n < offsetof(struct frame, job.at) || f->job.n > FRAME_RCPTS_MAX))
		return false;
	if ((f->type == FRAME_DIAL || f->type == FRAME_DIALLED) &&
	    (n < offsetof(struct frame, dial.sites) || f->dial.n > ATTEMPT_DIALS))
		return false;
	if (f->type == FRAME_DNS && n < offsetof(struct frame, dns.data))
		return false;
	if ((f->type == FRAME_TICKET || f->type == FRAME_FOUND) &&
	    (n < offsetof(struct frame, ticket.octets) || f->ticket.n > TICKET_MAX))
		return false;
	return n == frame_size(f) && good_fields(f);
}

int
frame_put(int fd, const struct frame *f)
{
	/* A worker that asks and does not read must not stop the runner. */
	const int more = f->type == FRAME_LEAVE || f->type == FRAME_FOUND ? MSG_DONTWAIT : 0;
	ssize_t n;

	do
		n = send(fd, f, frame_size(f), MSG_NOSIGNAL | more);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int
frame_put_job(int fd, const struct frame *f, int message)
{
	return passing_send(fd, f, frame_size(f), message, MSG_DONTWAIT);
}

/* Receive a datagram.  Its octets or -errno.  A peer that exited with unread input causes one
 * ECONNRESET; its last frames can still be read after it. */
static ssize_t
receive(int fd, struct msghdr *m, bool wait)
{
	int resets = 0;
	ssize_t n;

	do
		n = recvmsg(fd, m, MSG_TRUNC | MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	return n < 0 ? -errno : n;
}

int
frame_get(int fd, struct frame *ret, bool wait)
{
	struct iovec space = { ret, sizeof *ret };
	struct msghdr m = { .msg_iov = &space, .msg_iovlen = 1 };
	const ssize_t n = receive(fd, &m, wait);

	if (n <= 0)
		return (int)n;
	return good_frame(ret, (size_t)n) ? 1 : -EBADMSG;
}

int
frame_get_job(int fd, struct frame *ret, bool wait, int *ret_message)
{
	const int flags = MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT);
	struct passed passed = { -1, -1 };
	ssize_t n = passing_take(fd, ret, sizeof *ret, flags, &passed);

	if (n == -ECONNRESET)		/* as in receive() */
		n = passing_take(fd, ret, sizeof *ret, flags, &passed);
	if (n <= 0)
		return (int)n;
	if (good_frame(ret, (size_t)n) && (ret->type == FRAME_JOB) == (passed.fd >= 0)) {
		*ret_message = passed.fd;
		return 1;
	}
	if (passed.fd >= 0)
		(void)close(passed.fd);
	return -EBADMSG;
}
