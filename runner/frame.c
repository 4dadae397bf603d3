// SPDX-License-Identifier: ISC
/*
 * Sending and receiving frames.  The other end may be a process that a stranger has taken over, so
 * each field is checked before a frame is used.
 */
#include "runner/frame.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/foreign.h"

/* The octets of a frame that are in use: a job for one recipient has 30, not 4 KB. */
static size_t
frame_size(const struct frame *f)
{
	switch (f->type) {
	case FRAME_JOB:
		return offsetof(struct frame, job.rcpts) + f->job.n * sizeof f->job.rcpts[0];
	case FRAME_RCPT:
		return offsetof(struct frame, rcpt) + sizeof f->rcpt;
	case FRAME_HOST:
		return offsetof(struct frame, host) + sizeof f->host;
	case FRAME_MOVED:
		return offsetof(struct frame, moved) + sizeof f->moved;
	case FRAME_DNS:
		return offsetof(struct frame, dns) + dns_memo_size(&f->dns);
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
	return foreign_bool(&r->last) && foreign_line(r->path, sizeof r->path) &&
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
	case FRAME_DNS:
		return dns_memo_valid(&f->dns);
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
	    (n < offsetof(struct frame, job.rcpts) || f->job.n > FRAME_RCPTS_MAX))
		return false;
	if (f->type == FRAME_DNS && n < offsetof(struct frame, dns.data))
		return false;
	return n == frame_size(f) && good_fields(f);
}

int
frame_put(int fd, const struct frame *f)
{
	ssize_t n;

	do
		n = send(fd, f, frame_size(f), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int
frame_get(int fd, struct frame *ret, bool wait)
{
	int resets = 0;
	ssize_t n;

	/* A peer that exited with unread input causes one ECONNRESET; its last frames can still be
	 * read after it. */
	do
		n = recv(fd, ret, sizeof *ret, MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT));
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	if (n < 0)
		return -errno;
	if (n == 0)
		return 0;
	return good_frame(ret, (size_t)n) ? 1 : -EBADMSG;
}
