// SPDX-License-Identifier: ISC
/*
 * The timed, bounded, buffered byte stream between us and one peer.
 *
 * The descriptors may be shared with the process that started us (xinetd, a terminal, the pipe of a
 * shell), so their flags are never changed.  Sockets are read and written with MSG_DONTWAIT.  Other
 * descriptors are used only after poll(2) reports that they will not block, and then for at most
 * PIPE_BUF octets.
 *
 * Input is waited for before it is read, because in a dialogue it is rarely there yet: by poll(2),
 * or on a socket with a time limit of its own (SO_RCVTIMEO) by the read.  Output is written without
 * poll(2), because there nearly always is room.
 */
#include "net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"

/* Octets of one sendfile(2): enough to cost little, few enough that a timeout measures progress. */
#define SENDFILE_MAX (1U << 20)

static ssize_t
plain_read(struct stream *s, char *p, size_t n, short *ret_events)
{
	ssize_t r;

	if (!s->rfd_plain) {
		r = recv(s->rfd, p, n, MSG_DONTWAIT);
		s->rfd_plain = r < 0 && errno == ENOTSOCK;
	}
	if (s->rfd_plain)
		r = read(s->rfd, p, n);
	if (r >= 0)
		return r;
	*ret_events = POLLIN;
	return errno == EINTR ? -EAGAIN : -errno;
}

static ssize_t
plain_write(struct stream *s, const char *p, size_t n, short *ret_events)
{
	ssize_t r;

	*ret_events = POLLOUT;
	if (!s->wfd_plain) {
		r = send(s->wfd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		s->wfd_plain = r < 0 && errno == ENOTSOCK;
	}
	if (s->wfd_plain) {
		struct pollfd room = { .fd = s->wfd, .events = POLLOUT };

		if (poll(&room, 1, 0) == 0)
			return -EAGAIN;
		r = write(s->wfd, p, n < PIPE_BUF ? n : PIPE_BUF);
	}
	if (r >= 0)
		return r;
	return errno == EINTR ? -EAGAIN : -errno;
}

static const struct stream_io plain = { plain_read, plain_write };

void
stream_init(struct stream *s, int rfd, int wfd)
{
	/* Each member by itself: clearing the whole struct would touch 80 kB that most sessions
	 * never use. */
	s->io = &plain;
	s->tls = NULL;
	s->rfd = rfd;
	s->wfd = wfd;
	s->wake_fd = -1;
	s->deadline_ms = 0;
	s->pace.least = 0;
	s->alarm.at_ms = 0;
	s->gate.may_write = NULL;
	s->woken = NULL;
	s->start = s->end = 0;
	s->out = (struct buf)BUF(s->out_space);
	s->eof = s->rfd_plain = s->wfd_plain = false;
	s->octets_in = s->octets_out = 0;
}

void
stream_nap(struct stream *s, const volatile sig_atomic_t *woken)
{
	const struct timeval wait = { .tv_usec = STREAM_NAP_MS * 1000 };

	if (setsockopt(s->rfd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0)
		s->woken = woken;
}

/* The end of a wait that begins now; 0: no limit. */
static int64_t
wait_end(const struct stream *s, int timeout_ms)
{
	int64_t end;

	if (timeout_ms < 0)
		return s->deadline_ms;
	end = clock_ms() + timeout_ms;
	return s->deadline_ms && s->deadline_ms < end ? s->deadline_ms : end;
}

static int
poll_until(const struct stream *s, struct pollfd fds[2], int64_t end_ms)
{
	int r;

	do {
		r = poll(fds, s->wake_fd >= 0 ? 2 : 1, clock_left_ms(end_ms));
	} while (r < 0 && errno == EINTR);
	return r;
}

/* A peer that always has one more octet ready does not stop the alarm. */
static void
check_alarm(struct stream *s)
{
	if (s->alarm.at_ms == 0 || clock_left_ms(s->alarm.at_ms) > 0)
		return;
	s->alarm.at_ms = 0;
	s->alarm.due(s->alarm.ctx);
}

/* As poll_until(), and the alarm is heeded. */
static int
poll_alarmed(struct stream *s, struct pollfd fds[2], int64_t end_ms)
{
	check_alarm(s);
	while (s->alarm.at_ms && (end_ms == 0 || s->alarm.at_ms < end_ms)) {
		const int r = poll_until(s, fds, s->alarm.at_ms);

		if (r != 0)
			return r;
		check_alarm(s);
	}
	return poll_until(s, fds, end_ms);
}

/* Wait for events until end_ms.  0, -ETIMEDOUT, -EINTR (wake_fd) or -errno. */
static int
wait_for(struct stream *s, short events, int64_t end_ms)
{
	struct pollfd fds[2] = {
		{ .fd = events & POLLOUT ? s->wfd : s->rfd, .events = events },
		{ .fd = s->wake_fd, .events = POLLIN },
	};
	int r;

	/* A peer that always has one more octet ready must not outlive the deadline. */
	if (s->deadline_ms && clock_left_ms(s->deadline_ms) == 0)
		return -ETIMEDOUT;
	r = poll_alarmed(s, fds, end_ms);
	if (r < 0)
		return -errno;
	if (r == 0)
		return -ETIMEDOUT;
	return s->wake_fd >= 0 && fds[1].revents ? -EINTR : 0;
}

int
stream_wait(struct stream *s, short events, int timeout_ms)
{
	return wait_for(s, events, wait_end(s, timeout_ms));
}

ssize_t
stream_raw_read(struct stream *s, char *p, size_t n)
{
	struct pollfd in = { .fd = s->rfd, .events = POLLIN };
	short events;

	return poll(&in, 1, 0) == 0 ? -EAGAIN : plain_read(s, p, n, &events);
}

ssize_t
stream_raw_write(struct stream *s, const char *p, size_t n)
{
	short events;

	return plain_write(s, p, n, &events);
}

void
stream_wipe(struct stream *s, struct slice line)
{
	if (line.n)
		explicit_bzero(s->in + (line.p - s->in), line.n);
}

void
stream_wipe_used(struct stream *s)
{
	explicit_bzero(s->in, s->start);
	explicit_bzero(s->in + s->end, sizeof s->in - s->end);
	explicit_bzero(s->out_space + s->out.n, sizeof s->out_space - s->out.n);
}

/* May a read sleep?  Not over the end of a wait, and not if a signal came. */
static bool
may_nap(const struct stream *s, int64_t end_ms)
{
	int64_t until_ms;

	if (!s->woken || *s->woken || s->io != &plain)
		return false;
	until_ms = clock_ms() + STREAM_NAP_MS;
	return (end_ms == 0 || end_ms > until_ms) &&
	       (s->deadline_ms == 0 || s->deadline_ms > until_ms) &&
	       (s->alarm.at_ms == 0 || s->alarm.at_ms > until_ms);
}

/* -EAGAIN: nothing has come, or the read may not sleep. */
static ssize_t
nap_and_read(struct stream *s, int64_t end_ms)
{
	ssize_t n;

	if (!may_nap(s, end_ms))
		return -EAGAIN;
	n = recv(s->rfd, s->in + s->end, STREAM_IN - s->end, 0);
	return n >= 0 ? n : errno == EINTR ? -EAGAIN : -errno;
}

static ssize_t
fill_until(struct stream *s, int64_t end_ms)
{
	bool wait = s->io == &plain;	/* TLS may hold input that the kernel does not know */
	short events = POLLIN;
	ssize_t n;

	if (s->eof)
		return 0;
	check_alarm(s);			/* TLS may read without a wait */
	if (s->start && STREAM_IN - s->end < STREAM_IN / 4) {
		memmove(s->in, s->in + s->start, s->end - s->start);
		s->end -= s->start;
		s->start = 0;
	}
	if (s->end == STREAM_IN)
		return -ENOBUFS;
	n = nap_and_read(s, end_ms);
	while (n == -EAGAIN) {
		const int r = wait ? wait_for(s, events, end_ms) : 0;

		if (r < 0)
			return r;
		n = s->io->read(s, s->in + s->end, STREAM_IN - s->end, &events);
		wait = true;
	}
	if (n == 0)
		s->eof = true;
	if (n > 0) {
		s->end += (size_t)n;
		s->octets_in += (uint64_t)n;
	}
	return n;
}

static void
begin_window(struct stream *s)
{
	s->pace.until_ms = clock_ms() + s->pace.window_ms;
	s->pace.from = s->octets_in;
}

void
stream_pace(struct stream *s, uint64_t least, int window_ms)
{
	s->pace.least = least;
	s->pace.window_ms = window_ms;
	if (least)
		begin_window(s);
}

/* Read as fill_until() does.  At the end of each window, check that enough octets came in it. */
static ssize_t
fill_paced(struct stream *s, int64_t end_ms)
{
	while (s->pace.least) {
		const bool last = end_ms && end_ms <= s->pace.until_ms;
		const ssize_t n = fill_until(s, last ? end_ms : s->pace.until_ms);

		if ((n <= 0 && n != -ETIMEDOUT) || clock_left_ms(s->pace.until_ms) > 0)
			return n;
		if (s->octets_in - s->pace.from < s->pace.least)
			return -ETIME;
		begin_window(s);
		if (n > 0 || last)
			return n;
	}
	return fill_until(s, end_ms);
}

ssize_t
stream_fill(struct stream *s, int timeout_ms)
{
	return fill_paced(s, wait_end(s, timeout_ms));
}

bool
stream_ready(struct stream *s)
{
	int n = 0;

	/* Not poll(2), which also reports the end of input. */
	return s->start != s->end || (ioctl(s->rfd, FIONREAD, &n) == 0 && n > 0);
}

bool
stream_quiet(const struct stream *s)
{
	struct pollfd in = { .fd = s->rfd, .events = POLLIN };

	return s->start == s->end && !s->eof && poll(&in, 1, 0) == 0;
}

/* Flush before waiting for input: the peer may be waiting for our unsent output. */
static ssize_t
flush_and_fill(struct stream *s, int timeout_ms, int64_t *end_ms)
{
	if (s->out.n) {
		int r = stream_flush(s, timeout_ms);

		if (r < 0)
			return r;
	}
	if (*end_ms < 0)
		*end_ms = wait_end(s, timeout_ms);
	return fill_paced(s, *end_ms);
}

int
stream_line(struct stream *s, size_t max, int timeout_ms, struct slice *ret_line, bool *ret_crlf)
{
	int64_t end_ms = -1;
	size_t seen = 0;	/* octets known to hold no LF */

	for (;;) {
		struct slice in = stream_pending(s);
		const char *lf = in.n > seen ? memchr(in.p + seen, '\n', in.n - seen) : NULL;
		size_t n = lf ? (size_t)(lf - in.p) + 1 : in.n;
		ssize_t r;

		if (n > max || (!lf && n == max))
			return -EMSGSIZE;
		if (lf) {
			*ret_crlf = n >= 2 && in.p[n - 2] == '\r';
			*ret_line = slice_of(in.p, n - (*ret_crlf ? 2 : 1));
			stream_consume(s, n);
			return 1;
		}
		seen = in.n;
		r = flush_and_fill(s, timeout_ms, &end_ms);
		if (r == 0)
			stream_consume(s, in.n);
		if (r <= 0)
			return r == -ENOBUFS ? -EMSGSIZE : (int)r;
	}
}

int
stream_skip_line(struct stream *s, bool crlf_only, int timeout_ms)
{
	for (;;) {
		struct slice in = stream_pending(s);
		const char *lf = in.n ? memchr(in.p, '\n', in.n) : NULL;
		int64_t end_ms = -1;
		ssize_t r;

		if (lf) {
			bool cr = lf > in.p && lf[-1] == '\r';

			stream_consume(s, (size_t)(lf - in.p) + 1);
			if (cr || !crlf_only)
				return 1;
			continue;
		}
		/* A CR at the end stays: its LF may be the next octet. */
		stream_consume(s, in.n && in.p[in.n - 1] == '\r' ? in.n - 1 : in.n);
		r = flush_and_fill(s, timeout_ms, &end_ms);
		if (r == 0)
			stream_consume(s, stream_pending(s).n);
		if (r <= 0)
			return (int)r;
	}
}

int
stream_flush(struct stream *s, int timeout_ms)
{
	int64_t end_ms = -1;
	size_t sent = 0;
	int r = 0;

	while (sent < s->out.n) {
		short events = POLLOUT;
		ssize_t n;

		if (s->gate.may_write && !s->gate.may_write(s->gate.ctx)) {
			r = -EREMOTE;
			break;
		}
		n = s->io->write(s, s->out.p + sent, s->out.n - sent, &events);

		if (n > 0) {
			sent += (size_t)n;
			continue;
		}
		r = (int)n;
		if (r != -EAGAIN)
			break;
		if (end_ms < 0)
			end_ms = wait_end(s, timeout_ms);
		r = wait_for(s, events, end_ms);
		if (r < 0)
			break;
	}
	/* Unsent output stays, so that an interrupted flush can continue. */
	s->out.n -= sent;
	if (s->out.n && sent)
		memmove(s->out.p, s->out.p + sent, s->out.n);
	s->octets_out += sent;
	return r;
}

int
stream_write(struct stream *s, struct slice data, int timeout_ms)
{
	while (data.n) {
		size_t room = s->out.cap - s->out.n;
		size_t n = data.n < room ? data.n : room;

		buf_add(&s->out, slice_of(data.p, n));
		data = slice_skip(data, n);
		if (s->out.n == s->out.cap) {
			int r = stream_flush(s, timeout_ms);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Copy through the output buffer: for TLS, for pipes, and for blocking sockets, on which
 * sendfile(2) would block. */
static int
copy_file(struct stream *s, int fd, off_t at, uint64_t n, int timeout_ms)
{
	while (n) {
		size_t want = n < s->out.cap ? (size_t)n : s->out.cap;
		ssize_t got = pread(fd, s->out.p, want, at);
		int r;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;	/* shorter than n */
		s->out.n = (size_t)got;
		r = stream_flush(s, timeout_ms);
		if (r < 0)
			return r;
		at += got;
		n -= (uint64_t)got;
	}
	return 0;
}

int
stream_sendfile(struct stream *s, int fd, off_t at, uint64_t n, int timeout_ms)
{
	int r = stream_flush(s, timeout_ms), flags;

	if (r < 0 || n == 0)
		return r;
	flags = s->io == &plain && !s->wfd_plain ? fcntl(s->wfd, F_GETFL) : 0;
	if (flags < 0)
		return -errno;
	if (!(flags & O_NONBLOCK))
		return copy_file(s, fd, at, n, timeout_ms);
	while (n) {
		ssize_t sent = sendfile(s->wfd, fd, &at,
		    n < SENDFILE_MAX ? (size_t)n : SENDFILE_MAX);

		if (sent > 0) {
			n -= (uint64_t)sent;
			s->octets_out += (uint64_t)sent;
			continue;
		}
		if (sent == 0)
			return -EIO;
		if (errno == EINVAL || errno == ENOSYS)
			return copy_file(s, fd, at, n, timeout_ms);
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(s, POLLOUT, wait_end(s, timeout_ms));
		if (r < 0)
			return r;
	}
	return 0;
}
