// SPDX-License-Identifier: ISC
/*
 * The agent listens on a socket.  If nobody does and the runner has the right, a child of the
 * runner is the agent: the runner is root, or the mailbox's owner itself.
 *
 * A worker has no right to do either.  A process beside it passes its requests on.
 */
#include "delivery/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/aide.h"
#include "delivery/maildir.h"
#include "mailbox/path.h"
#include "maildir/agent.h"
#include "maildir/agent_frame.h"
#include "queue/lease.h"

/* A connection to the agent. */
struct line {
	int fd;
	int error;			/* why the socket could not be used, or 0 */
	pid_t child;			/* the agent is our child; or 0 */
};

static int
connect_to(const char *path, const struct timeval *patience)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (!path)
		return -ENOENT;
	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, patience, sizeof *patience);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

/* A worker that was taken over must not choose the path. */
static bool
has_route(void *ctx, const char *target)
{
	const struct config *c = ctx;

	for (size_t i = 0; i < c->nroutes; i++)
		if (c->routes[i].via == VIA_OWNER && strcmp(c->routes[i].target, target) == 0)
			return true;
	return false;
}

/* Start the agent as a child.  Its end of a pair of sockets, or -errno. */
static int
start_agent(const struct config *c, pid_t *ret_child)
{
	const struct agent_terms terms = {
		.min_uid = c->relay.min_uid, .has_route = has_route,
		.ctx = (void *)(uintptr_t)c,
	};
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	*ret_child = fork();
	if (*ret_child == 0) {
		(void)close(pair[0]);
		_exit(agent_serve(pair[1], &terms) < 0);
	}
	r = *ret_child < 0 ? -errno : pair[0];
	(void)close(pair[1]);
	if (r < 0)
		(void)close(pair[0]);
	return r;
}

static void
open_line(const struct config *c, struct line *line)
{
	const int64_t ms = (int64_t)c->relay.command_timeout_ms;
	const struct timeval patience = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	*line = (struct line){ 0 };
	line->fd = connect_to(c->relay.maildir_socket, &patience);
	if (line->fd == -ENOENT || line->fd == -ECONNREFUSED || line->fd == -EACCES) {
		line->error = line->fd;
		line->fd = start_agent(c, &line->child);
	}
	if (line->fd >= 0)
		(void)setsockopt(line->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	else if (!line->error)
		line->error = line->fd;
}

static void
close_line(struct line *line)
{
	if (line->fd >= 0)
		(void)close(line->fd);
	while (line->child > 0 && waitpid(line->child, NULL, 0) < 0 && errno == EINTR)
		;
}

/* A descriptor of the message that cannot write to it: the agent gets no more than it needs. */
static int
open_for_reading(int message)
{
	char path[64];
	struct buf b = BUF(path);
	int fd;

	buf_fmt(&b, "/proc/self/fd/%d", message);
	fd = open(buf_cstr(&b), O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : fcntl(message, F_DUPFD_CLOEXEC, 0);
}

/* The end of a request. */
struct reply {
	int error;			/* there is no answer: -errno */
	int socket_error;		/* why the agent's socket could not be used, or 0 */
	struct agent_answer answer;
};

/* Ask the agent over a new line. */
static void
ask_agent(const struct config *c, const struct agent_request *request, int message,
    struct reply *ret)
{
	const int fd = open_for_reading(message);
	struct line line;

	memset(ret, 0, sizeof *ret);
	open_line(c, &line);
	ret->socket_error = line.error;
	ret->error = fd < 0 ? -errno : line.fd < 0 ? line.error : 0;
	if (ret->error == 0)
		ret->error = agent_frame_ask(line.fd, request, fd);
	if (fd >= 0)
		(void)close(fd);
	if (ret->error == 0)
		ret->error = agent_frame_hear(line.fd, &ret->answer);
	close_line(&line);
}

/* The process beside a worker. */
static void
pass_requests(const void *ctx, int fd)
{
	static struct agent_request request;
	static struct reply reply;
	int message;

	while (agent_frame_take(fd, &request, &message) == 0) {
		ask_agent(ctx, &request, message, &reply);
		(void)close(message);
		if (send(fd, &reply, sizeof reply, MSG_NOSIGNAL) < 0)
			return;
	}
}

int
owner_begin(struct delivery *d)
{
	static struct aide aide;
	const int r = aide_start(&aide, pass_requests, d->config);

	if (r == 0)
		d->aide = &aide;
	return r;
}

static bool
copy(char *to, size_t size, struct slice from)
{
	if (from.n >= size || memchr(from.p, '\0', from.n))
		return false;
	memcpy(to, from.p, from.n);
	return true;
}

static bool
make_request(const struct delivery *d, const struct queue_entry *e,
    const struct queue_rcpt *rcpt, bool whole, struct agent_request *ret)
{
	char name_space[sizeof ret->user];
	struct buf name = BUF(name_space);

	memset(ret, 0, sizeof *ret);
	ret->version = AGENT_VERSION;
	ret->junk = d->route->junk_folder && e->junk.n;
	ret->content_at = e->content_at;
	ret->content_size = e->content_size;
	return mailbox_user(d->route, rcpt->path, rcpt->domain, whole, &name) == 0 &&
	       copy(ret->user, sizeof ret->user, buf_slice(&name)) &&
	       copy(ret->target, sizeof ret->target, slice_str(d->route->target)) &&
	       copy(ret->from, sizeof ret->from, e->from) &&
	       copy(ret->address, sizeof ret->address, rcpt->path);
}

/* Let the process beside this one ask the agent.  If an answer was not received, it may come later:
 * it must not be taken for that to the next request, so there is none. */
static void
ask_aide(const struct aide *aide, const struct agent_request *request, int message,
    struct reply *ret)
{
	static bool broken;
	ssize_t n;

	ret->error = broken ? -EPIPE : agent_frame_ask(aide->fd, request, message);
	if (ret->error < 0)
		return;
	do
		n = recv(aide->fd, ret, sizeof *ret, 0);
	while (n < 0 && errno == EINTR);
	broken = n != sizeof *ret;
	if (broken)
		*ret = (struct reply){ .error = -EPIPE };
}

static void
set_unreachable(const struct delivery *d, int error, struct outcome *o)
{
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);

	buf_fmt(&b, "cannot let smtp-maildir deliver by %s: %s (systemctl enable --now "
	    "smtp-maildir.socket)", d->config->relay.maildir_socket, error == -EPROTO
	    ? "it refuses us, or does not speak our protocol" : strerror(-error));
	outcome_set(o, CAUSE_SOCKET, SL(""), buf_slice(&b));
}

/* Postmaster must exist (RFC 5321 section 4.5.1), so its mail waits until somebody gets it. */
static void
set_no_user(const struct agent_request *request, enum agent_result result, struct outcome *o)
{
	if (strcmp(request->user, "postmaster") == 0)
		outcome_set(o, CAUSE_ALIASES, SL(""),
		    SL("no user is the postmaster: name one in a file of aliases"));
	else
		outcome_set(o, CAUSE_MAILDIR_USER, SL(""), result == AGENT_NO_USER
		    ? SL("there is no such user here") : SL("a user of the system has no mailbox"));
}

static void
set_outcome(const struct delivery *d, const struct agent_request *request,
    const struct reply *reply, struct outcome *o)
{
	const struct agent_answer *a = &reply->answer;
	char space[sizeof a->text + 100];
	struct buf b = BUF(space);

	switch ((enum agent_result)a->result) {
	case AGENT_DELIVERED:
		buf_fmt(&b, "%s: delivered to mailbox", a->text);
		outcome_set(o, CAUSE_DELIVERED, SL(""), buf_slice(&b));
		break;
	case AGENT_NO_USER:
	case AGENT_SYSTEM_USER:
		set_no_user(request, a->result, o);
		break;
	case AGENT_LOOP:
		outcome_set(o, CAUSE_LOOP, SL(""), SL(MAILDIR_LOOP_TEXT));
		break;
	case AGENT_NO_ROUTE:
		outcome_set(o, CAUSE_LOCAL, SL(""),
		    SL("the configuration of smtp-maildir has no route with this via"));
		break;
	case AGENT_NO_RIGHT:
		set_unreachable(d, reply->socket_error ? reply->socket_error : -EPERM, o);
		break;
	case AGENT_ERROR:
	default:
		outcome_set(o, maildir_cause(-(int)a->error), SL(""), slice_str(a->text));
		break;
	}
}

/* Deliver to the user whose name is the local part, whole or without its detail.  False if there is
 * none. */
static bool
deliver_to(struct delivery *d, struct queue_entry *e, const struct queue_rcpt *rcpt, bool whole,
    struct outcome *o)
{
	static struct agent_request request;	/* large for a stack */
	static struct reply reply;

	if (!make_request(d, e, rcpt, whole, &request)) {
		outcome_set(o, CAUSE_MAILDIR_USER, SL(""), SL("no user can have that name"));
		return false;
	}
	if (!queue_lease_wait(e->lease)) {	/* the agent ends what it was given */
		outcome_set(o, CAUSE_MAILDIR, SL(""),
		    SL("another machine may have the queue: the agent was not asked"));
		return true;
	}
	attempt_keep_on();
	if (d->aide)
		ask_aide(d->aide, &request, e->fd, &reply);
	else
		ask_agent(d->config, &request, e->fd, &reply);
	if (reply.error < 0)
		set_unreachable(d, reply.error, o);
	else
		set_outcome(d, &request, &reply, o);
	return reply.error < 0 || reply.answer.result != AGENT_NO_USER;
}

static void
deliver_one(struct delivery *d, struct queue_entry *e, const struct queue_rcpt *rcpt,
    struct outcome *o)
{
	if (!mailbox_has_detail(d->route, rcpt->path, rcpt->domain) ||
	    !deliver_to(d, e, rcpt, true, o))
		(void)deliver_to(d, e, rcpt, false, o);
}

void
deliver_owner(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct outcome o;

		deliver_one(d, e, &e->rcpts[rcpts[i]], &o);
		attempt_report(d, e, rcpts[i], &o);
	}
}
