// SPDX-License-Identifier: ISC
/*
 * A filter is opened before the sandbox is entered.  Afterwards its descriptor needs no other
 * rights than the client's.
 */
#include "session/milter_link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/large.h"
#include "base/words.h"

#define ARGUMENTS_MAX 32
#define WORKING_MAX 1000	/* answers of a filter that it works, for one step */

void
milter_link_fail(struct milter_link *l, const char *why)
{
	if (!l->trouble)
		l->trouble = why;
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
}

/* Wait for events until the time is over.  0 or -errno. */
static int
wait_until(int fd, short events, int64_t until_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int r;

	do
		r = poll(&p, 1, clock_left_ms(until_ms));
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

static int
connect_to(const struct sockaddr *address, socklen_t len, int timeout_ms)
{
	const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t n = sizeof(int);
	int error, r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, address, len) < 0) {
		r = -errno;
		if (r == -EINPROGRESS)
			r = wait_until(fd, POLLOUT, clock_ms() + timeout_ms);
		if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0)
			r = -error;
	}
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

static int
connect_unix(struct slice path, int timeout_ms)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (path.n >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path.p, path.n);
	return connect_to((const struct sockaddr *)&address, sizeof address, timeout_ms);
}

/* In the child: the filter finds its server on descriptors 0 and 1. */
static _Noreturn void
become_filter(struct slice command, int end)
{
	char space[4096], *argv[ARGUMENTS_MAX + 1];
	struct buf text = BUF(space);
	size_t n = 0;

	for (struct slice word; n < ARGUMENTS_MAX && (word = words_next(&command)).n; n++) {
		argv[n] = text.p + text.n;
		buf_add(&text, word);
		buf_chr(&text, '\0');
	}
	argv[n] = NULL;
	if (n && !text.full && dup2(end, STDIN_FILENO) >= 0 && dup2(end, STDOUT_FILENO) >= 0)
		(void)execv(argv[0], argv);
	_exit(127);
}

static int
start_program(struct slice command)
{
	int ends[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become_filter(command, ends[1]);
	r = pid < 0 ? -errno : ends[0];
	(void)close(ends[1]);
	if (pid < 0)
		(void)close(ends[0]);
	return r;
}

static LARGE struct milter_link links[MILTERS_MAX];
static size_t nlinks;

static void
open_link(struct milter_link *l, const struct milter_place *place, int timeout_ms, bool of_listener)
{
	l->place = *place;
	l->trouble = NULL;
	l->session_over = l->message_over = l->skips_body = l->in_message = false;
	l->out = (struct buf)BUF(l->space_out);
	l->unread = slice_of(l->space_in, 0);
	milter_begin(&l->milter);
	if (place->where == MILTER_UNIX)
		l->fd = connect_unix(place->target, timeout_ms);
	else if (place->where == MILTER_INET)
		l->fd = connect_to((const struct sockaddr *)&place->address, place->address_len,
		    timeout_ms);
	else
		l->fd = of_listener ? -EPERM : start_program(place->target);
	if (l->fd < 0)
		milter_link_fail(l, of_listener && place->where == MILTER_EXEC ?
		    "exec: is not for sessions of a listener" : strerror(-l->fd));
}

void
milter_links_open(const struct config *config, bool of_listener)
{
	struct slice rest = config->server.milter ? slice_str(config->server.milter) : SL("");
	struct milter_place place;
	const char *why;

	while (nlinks < MILTERS_MAX && milter_place_next(&rest, &place, &why) > 0)
		open_link(&links[nlinks++], &place, (int)config->server.milter_command_timeout_ms,
		    of_listener);
}

struct milter_link *
milter_links(size_t *ret_n)
{
	*ret_n = nlinks;
	return links;
}

void
milter_link_send(struct milter_link *l, int timeout_ms)
{
	const int64_t until_ms = clock_ms() + timeout_ms;
	struct slice rest = buf_slice(&l->out);

	if (l->out.full)
		milter_link_fail(l, "too much for one packet");
	while (l->fd >= 0 && rest.n) {
		const ssize_t n = send(l->fd, rest.p, rest.n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0)
			rest = slice_skip(rest, (size_t)n);
		else if (errno == EAGAIN && wait_until(l->fd, POLLOUT, until_ms) < 0)
			milter_link_fail(l, "it does not read");
		else if (errno != EAGAIN && errno != EINTR)
			milter_link_fail(l, "it closed the connection");
	}
	l->out.n = 0;
	l->out.full = false;
}

/* More octets of the filter. */
static void
fill_in(struct milter_link *l, int64_t until_ms)
{
	ssize_t n;

	if (wait_until(l->fd, POLLIN, until_ms) < 0) {
		milter_link_fail(l, "it does not answer in time");
		return;
	}
	n = recv(l->fd, l->space_in, sizeof l->space_in, MSG_DONTWAIT);
	if (n > 0)
		l->unread = slice_of(l->space_in, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		milter_link_fail(l, "it closed the connection");
}

void
milter_link_answer(struct milter_link *l, enum milter_step step, int timeout_ms,
    struct milter_answer *ret)
{
	int64_t until_ms = clock_ms() + timeout_ms;
	unsigned working = 0;

	*ret = (struct milter_answer){ .kind = MILTER_BROKEN };
	while (l->fd >= 0) {
		if (l->unread.n == 0) {
			fill_in(l, until_ms);
			continue;
		}
		milter_take(&l->milter, &l->unread, step, ret);
		if (ret->kind == MILTER_WORKING && ++working < WORKING_MAX)
			until_ms = clock_ms() + timeout_ms;
		else if (ret->kind == MILTER_WORKING || ret->kind == MILTER_BROKEN)
			milter_link_fail(l, "it sent what the protocol does not allow");
		else if (ret->kind != MILTER_MORE)
			return;
	}
	ret->kind = MILTER_BROKEN;
}

void
milter_link_agree(struct milter_link *l, int timeout_ms)
{
	struct milter_answer answer;

	milter_put_options(&l->out);
	milter_link_send(l, timeout_ms);
	milter_link_answer(l, MILTER_CONNECT, timeout_ms, &answer);
}

void
milter_link_close(struct milter_link *l)
{
	if (l->fd < 0)
		return;
	milter_put_bare(&l->out, 'Q');
	milter_link_send(l, 0);
	milter_link_fail(l, "closed");
}
