// SPDX-License-Identifier: ISC
/*
 * The frame is that of Python's DebuggingServer.  A message is composed in memory and then copied
 * at once, so it is shown whole or not at all.
 */
#include "session/print.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"

#define PRINT_CHUNK 16384
#define PRINT_WAIT_MS 30000	/* a pipe without a reader must not stop the session */

static const char head_line[] = "---------- MESSAGE FOLLOWS ----------\n";
static const char tail_line[] = "------------ END MESSAGE ------------\n";

void
print_init(struct print *p, int out)
{
	*p = (struct print){ .out = out, .fd = -1, .terminal = out >= 0 && isatty(out) };
	if (p->terminal)
		text_init();
}

void
print_drop(struct print *p)
{
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -1;
	p->error = 0;
}

void
print_begin(struct print *p)
{
	print_drop(p);
	p->fd = memfd_create("print", MFD_CLOEXEC);
	if (p->fd < 0)
		p->error = -errno;
}

/* Write everything, into a non-blocking pipe too. */
static int
write_all(int fd, struct slice s)
{
	while (s.n) {
		const ssize_t n = write(fd, s.p, s.n);

		if (n >= 0) {
			s = slice_skip(s, (size_t)n);
		} else if (errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			if (poll(&p, 1, PRINT_WAIT_MS) == 0)
				return -ETIMEDOUT;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static void
add_octets(struct print *p, struct slice s)
{
	if (p->error == 0)
		p->error = write_all(p->fd, s);
}

void
print_line(struct print *p, const char *word, struct slice text)
{
	add_octets(p, slice_str(word));
	add_octets(p, text);
	add_octets(p, SL("\n"));
}

void
print_path(struct print *p, const char *word, struct slice path, struct slice params)
{
	add_octets(p, slice_str(word));
	add_octets(p, SL("<"));
	add_octets(p, path);
	add_octets(p, params.n ? SL("> ") : SL(">"));
	print_line(p, "", params);
}

/* Copy in without the CR of each CRLF.  *cr: the octet before `in` was a CR, which is not written
 * yet. */
static size_t
plain_lines(struct slice in, bool *cr, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		if (*cr && in.p[i] != '\n')
			out[n++] = '\r';
		*cr = in.p[i] == '\r';
		if (!*cr)
			out[n++] = in.p[i];
	}
	return n;
}

static void
add_text(struct print *p, int content, off_t at)
{
	char in[PRINT_CHUNK], out[PRINT_CHUNK + 1];
	bool cr = false;
	ssize_t n;

	while (p->error == 0 && (n = pread(content, in, sizeof in, at)) != 0) {
		if (n < 0) {
			p->error = -errno;
			return;
		}
		at += n;
		add_octets(p, slice_of(out, plain_lines(slice_of(in, (size_t)n), &cr, out)));
	}
}

/* Copy the composed message while no other session writes there.  The lock belongs to the
 * process and ends with it; it works for pipes and terminals too. */
static int
copy_out(const struct print *p)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char chunk[PRINT_CHUNK];
	const bool locked = fcntl(p->out, F_SETLKW, &lock) == 0;
	off_t at = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = pread(p->fd, chunk, sizeof chunk, at)) != 0) {
		if (n > 0 && p->terminal)
			n -= (ssize_t)text_clean(chunk, (size_t)n, (size_t)n < sizeof chunk);
		r = n < 0 ? -errno : write_all(p->out, slice_of(chunk, (size_t)n));
		at += n;
	}
	lock.l_type = F_UNLCK;
	if (locked)
		(void)fcntl(p->out, F_SETLK, &lock);
	return r;
}

int
print_message(struct print *p, int content, off_t at)
{
	int r;

	add_octets(p, slice_str(head_line));
	add_text(p, content, at);
	add_octets(p, slice_str(tail_line));
	r = p->error ? p->error : copy_out(p);
	print_drop(p);
	return r;
}
