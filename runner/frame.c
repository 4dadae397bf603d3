// SPDX-License-Identifier: ISC
/*
 * Sending and receiving frames.  A frame that does not have its exact size is refused.
 */
#include "runner/frame.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

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
		n = recv(fd, ret, sizeof *ret, wait ? 0 : MSG_DONTWAIT);
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	if (n < 0)
		return -errno;
	if (n == 0)
		return 0;
	if ((size_t)n < offsetof(struct frame, job))
		return -EBADMSG;
	if (ret->type == FRAME_JOB &&
	    ((size_t)n < offsetof(struct frame, job.rcpts) || ret->job.n > FRAME_RCPTS_MAX))
		return -EBADMSG;
	return (size_t)n == frame_size(ret) ? 1 : -EBADMSG;
}
