// SPDX-License-Identifier: ISC
/*
 * A timed, bounded, buffered byte stream over a pair of descriptors: to a client, or to a host.  It
 * knows no protocol except that lines end in LF.  Calls block, whatever the mode of the descriptors
 * is.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define STREAM_IN  65536
#define STREAM_OUT 16384
#define STREAM_NAP_MS 250

struct stream;

/* The carrier of the octets: plain descriptors, or TLS over them (net/tls.h).  Results are as of
 * read(2) and write(2), but -errno.  -EAGAIN sets *ret_events (POLLIN, POLLOUT) to wait for. */
struct stream_io {
	ssize_t (*read)(struct stream *s, char *p, size_t n, short *ret_events);
	ssize_t (*write)(struct stream *s, const char *p, size_t n, short *ret_events);
};

struct stream {
	const struct stream_io *io;
	void *tls;			/* owned by io */
	int rfd, wfd;			/* borrowed */
	/* If readable, waits end with -EINTR (a signalfd or a self-pipe); -1: none. */
	int wake_fd;
	/* Monotonic end of all calls, which then return -ETIMEDOUT; 0: none. */
	int64_t deadline_ms;
	struct stream_pace {		/* set by stream_pace() */
		uint64_t least;		/* octets per window; 0: no limit */
		int window_ms;
		int64_t until_ms;	/* end of this window */
		uint64_t from;		/* octets_in at its start */
	} pace;
	/* due() is called once, in the first read or wait after at_ms.  It may set at_ms again. */
	struct stream_alarm {
		int64_t at_ms;		/* monotonic; 0: never */
		void (*due)(void *ctx);
		void *ctx;
	} alarm;
	/* Asked before each write; false: the write fails with -EREMOTE.  NULL: all may be
	 * written. */
	struct stream_gate {
		bool (*may_write)(const void *ctx);
		const void *ctx;
	} gate;
	/* A wait for input begins with a read that sleeps for STREAM_NAP_MS at most, unless *woken;
	 * NULL: it begins with poll(2). */
	const volatile sig_atomic_t *woken;
	size_t start, end;		/* bounds of the unread input in in[] */
	struct buf out;
	bool eof;
	bool rfd_plain, wfd_plain;	/* not a socket: a pipe, a file, a terminal */
	uint64_t octets_in, octets_out;
	char out_space[STREAM_OUT];	/* its start shares a page with the rest */
	char in[STREAM_IN];
};

/* Prepare s for two descriptors, which are borrowed and may be the same. */
void stream_init(struct stream *s, int rfd, int wfd);

/* Read a socket without poll(2) where that does no harm: half of the calls of a dialogue are saved.
 * A signal sets *woken.  If it comes just before such a read, it is noticed STREAM_NAP_MS later. */
void stream_nap(struct stream *s, const volatile sig_atomic_t *woken);

/* The unread input, borrowed. */
static inline struct slice
stream_pending(const struct stream *s)
{
	return slice_of(s->in + s->start, s->end - s->start);
}

/* Take n octets off the unread input. */
static inline void
stream_consume(struct stream *s, size_t n)
{
	s->start += n;
	if (s->start == s->end)
		s->start = s->end = 0;
}

/* Read once more behind the unread input, which may move in the buffer.  Waits at most timeout_ms;
 * -1: until the deadline.  Output is NOT flushed first.  Returns the octets read, 0 at EOF,
 * -ETIMEDOUT, -ETIME (stream_pace), -EINTR (wake_fd), -ENOBUFS (buffer full) or -errno. */
ssize_t stream_fill(struct stream *s, int timeout_ms);

/* Demand a speed from now on: at least `least` octets in each window, or reading fails with -ETIME.
 * least 0: any speed. */
void stream_pace(struct stream *s, uint64_t least, int window_ms);

/* Is there input without waiting, unread or in the kernel? */
bool stream_ready(struct stream *s);

/* Is there no input, and no end of input?  Only then a kept connection may be used again. */
bool stream_quiet(const struct stream *s);

/*
 * Take a line out of the input.  *ret_line is borrowed until the next call and has no LF, and no CR
 * before it; *ret_crlf: there was a CR.  Output is flushed before a wait.  1; 0 at EOF (an
 * unfinished line is dropped); -ETIMEDOUT, -ETIME, -EINTR or -errno.  -EMSGSIZE if max octets have
 * no LF: nothing is consumed (see stream_skip_line).
 */
int stream_line(struct stream *s, size_t max, int timeout_ms, struct slice *ret_line,
    bool *ret_crlf);

/* Drop input up to and including the next LF; with crlf_only, the next CRLF.  1, or as
 * stream_line(). */
int stream_skip_line(struct stream *s, bool crlf_only, int timeout_ms);

/* Queue output.  A full buffer is sent; each send waits at most timeout_ms.  0 or -errno. */
int stream_write(struct stream *s, struct slice data, int timeout_ms);

/* Send all queued output, waiting at most timeout_ms.  0 or -errno; unsent octets stay queued. */
int stream_flush(struct stream *s, int timeout_ms);

/* Wait at most timeout_ms until the descriptors are ready for events (POLLIN, POLLOUT).  0,
 * -ETIMEDOUT, -EINTR (wake_fd) or -errno. */
int stream_wait(struct stream *s, short events, int timeout_ms);

/* Read from the descriptor without the buffers, for an io on top of it.  As read(2) on a
 * non-blocking descriptor, but -errno. */
ssize_t stream_raw_read(struct stream *s, char *p, size_t n);

/* Write to the descriptor without the buffers, for an io on top of it.  As write(2) on a
 * non-blocking descriptor, but -errno. */
ssize_t stream_raw_write(struct stream *s, const char *p, size_t n);

/* Overwrite a line that stream_line() returned: it held a password. */
void stream_wipe(struct stream *s, struct slice line);

/* Overwrite the parts of both buffers that were used and are free again: they held a password. */
void stream_wipe_used(struct stream *s);

/* Send the octets [at, at + n) of a file after the queued output; with sendfile(2) if the io is
 * plain.  0 or -errno. */
int stream_sendfile(struct stream *s, int fd, off_t at, uint64_t n, int timeout_ms);

#endif
