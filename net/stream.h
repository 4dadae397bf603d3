// SPDX-License-Identifier: ISC
/*
 * A timed, bounded, buffered byte stream over a pair of descriptors: the session's
 * client, or an exchanger.  Knows no protocol but "lines end in LF".  Blocking
 * from the caller's view; poll(2) underneath, so descriptors may be in either mode.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define STREAM_IN  65536
#define STREAM_OUT 16384

struct stream;

/* How octets travel: plain descriptors, or TLS over them (net/tls.h).  As read(2) and write(2), but -errno; -EAGAIN with
 * *ret_events set (POLLIN, POLLOUT) when it has to wait. */
struct stream_io {
	ssize_t (*read)(struct stream *s, char *p, size_t n, short *ret_events);
	ssize_t (*write)(struct stream *s, const char *p, size_t n, short *ret_events);
};

struct stream {
	const struct stream_io *io;
	void *tls;			/* io's own */
	int rfd, wfd;			/* borrowed */
	int wake_fd;			/* readable: stop waiting with -EINTR (a signalfd or self-pipe); -1: none */
	int64_t deadline_ms;		/* monotonic end of it all, 0: none; then -ETIMEDOUT */
	struct stream_pace {		/* stream_pace() */
		uint64_t least;		/* octets a window; 0: none */
		int window_ms;
		int64_t until_ms;	/* the end of this one */
		uint64_t from;		/* octets_in at its begin */
	} pace;
	size_t start, end;		/* of unread input in in[] */
	struct buf out;
	bool eof;
	bool rfd_plain, wfd_plain;	/* found to be no socket: a pipe, a file, a terminal */
	uint64_t octets_in, octets_out;
	char in[STREAM_IN];
	char out_space[STREAM_OUT];
};

void stream_init(struct stream *s, int rfd, int wfd);

/* Unread input. */
static inline struct slice
stream_pending(const struct stream *s)
{
	return slice_of(s->in + s->start, s->end - s->start);
}

static inline void
stream_consume(struct stream *s, size_t n)
{
	s->start += n;
	if (s->start == s->end)
		s->start = s->end = 0;
}

/* Read once more behind what is pending (moved to the front if room is short), waiting at most timeout_ms
 * (-1: only the deadline bounds).  Output is NOT flushed first.  Octets read, 0 at EOF, -ETIMEDOUT, -EINTR (wake_fd), -ENOBUFS (buffer full), -errno. */
ssize_t stream_fill(struct stream *s, int timeout_ms);

/* From now on so many octets have to come in each window, or else reading ends with -ETIME; least 0: no matter how slow. */
void stream_pace(struct stream *s, uint64_t least, int window_ms);

/* Is there input to be had without waiting (pending, or in the kernel)? */
bool stream_ready(struct stream *s);

/* Nothing to read and no end of it: a kept connection may be used again. */
bool stream_quiet(const struct stream *s);

/*
 * A line up to and with its LF, taken out of the input; *ret_line borrows it until the next call, without
 * its LF and CRLF's CR; *ret_crlf tells whether there was a CR.  Flushes output before it waits.
 * 1; 0 at EOF (an unfinished line is dropped); -EMSGSIZE when no LF came within max octets (nothing is consumed: see stream_skip_line);
 * -ETIMEDOUT, -EINTR, -errno.
 */
int stream_line(struct stream *s, size_t max, int timeout_ms, struct slice *ret_line, bool *ret_crlf);

/* Throw input away up to and with the next LF (only CRLF counts with crlf_only).  1, or as stream_line. */
int stream_skip_line(struct stream *s, bool crlf_only, int timeout_ms);

/* Queue output; sends when the buffer is full, waiting at most timeout_ms each time.  0 or -errno. */
int stream_write(struct stream *s, struct slice data, int timeout_ms);
int stream_flush(struct stream *s, int timeout_ms);

/* Wait until the descriptors are ready for events (POLLIN, POLLOUT), at most timeout_ms.  0, -ETIMEDOUT, -EINTR
 * (wake_fd), -errno. */
int stream_wait(struct stream *s, short events, int timeout_ms);

/* The descriptors themselves, past all buffers, for an io on top of them: as read(2) and write(2) on non-blocking
 * ones, but -errno. */
ssize_t stream_raw_read(struct stream *s, char *p, size_t n);
ssize_t stream_raw_write(struct stream *s, const char *p, size_t n);

/* Overwrite a line that stream_line() has given: it held a password. */
void stream_wipe(struct stream *s, struct slice line);

/* Overwrite what is left in the buffers of what was sent and of what was taken: it held a password. */
void stream_wipe_used(struct stream *s);

/* Send file octets [at, at + n) after what is queued: sendfile(2) where the io is plain.  0 or -errno. */
int stream_sendfile(struct stream *s, int fd, off_t at, uint64_t n, int timeout_ms);

#endif
