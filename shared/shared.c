// SPDX-License-Identifier: ISC
/*
 * A frame never waits for room in the socket.  If one is lost, the process is to forget all
 * connections, because it would renew for ever the one whose end it did not learn.
 */
#include "shared/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define PROGRAM	      "smtp-shared"
#define ARGUMENTS_MAX (2 * OPTIONS_OVERRIDES_MAX + 8)

static _Noreturn void
become_program(const char *path, const struct options *options, const char *mode, int fd,
    int desk)
{
	const char *all[ARGUMENTS_MAX];
	size_t n = 0;

	all[n++] = path;
	if (options->config_file) {
		all[n++] = "-c";
		all[n++] = options->config_file;
	}
	for (size_t i = 0; i < options->noverrides; i++) {
		all[n++] = "-o";
		all[n++] = options->overrides[i];
	}
	all[n++] = mode;
	if (desk >= 0)
		all[n++] = "--desk";
	all[n] = NULL;
	(void)signal(SIGPIPE, SIG_DFL);
	if (desk == SHARED_DESK_FD)
		desk = fcntl(desk, F_DUPFD, SHARED_DESK_FD + 1);
	if (dup2(fd, STDIN_FILENO) >= 0 && (desk < 0 || dup2(desk, SHARED_DESK_FD) >= 0))
		(void)execv(path, (char **)(uintptr_t)all);	/* execv(3) does not write to it */
	_exit(127);
}

/* False: the frame is lost. */
static bool
send_query(struct shared *s, const struct query *q)
{
	static const struct query forget = { .kind = QUERY_FORGET };
	unsigned char octets[QUERY_OCTETS];
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	if (s->fd < 0)
		return false;
	if (s->lost) {
		query_encode(&forget, octets);
		s->lost = send(s->fd, octets, sizeof octets, flags) < 0;
	}
	query_encode(q, octets);
	s->lost |= send(s->fd, octets, sizeof octets, flags) < 0;
	return !s->lost;
}

static void
say_hello(struct shared *s)
{
	(void)send_query(s, &(struct query){ .kind = QUERY_HELLO });
}

/* Start the program.  desk: a socket of sessions, or -1.  This end of the other one, or -errno. */
static int
start_program(const struct options *options, const char *mode, int desk)
{
	char space[PATH_MAX];
	struct buf path = BUF(space);
	int fds[2];
	pid_t pid;

	if (!file_beside(PROGRAM, &path))
		return -ENOENT;
	if (access(space, X_OK) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become_program(space, options, mode, fds[1], desk);
	(void)close(fds[1]);
	if (pid > 0)
		return fds[0];
	(void)close(fds[0]);
	return -ENOMEM;
}

int
shared_start_run(const struct options *options)
{
	return start_program(options, "--serve-run", -1);
}

int
shared_start(struct shared *s, const struct options *options)
{
	const int one = 1;
	int desk[2], fd;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, desk) < 0)
		return -errno;
	/* The kernel names the session that passes a socket. */
	(void)setsockopt(desk[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
	fd = start_program(options, "--serve", desk[1]);
	(void)close(desk[1]);
	if (fd < 0) {
		(void)close(desk[0]);
		return fd;
	}
	*s = (struct shared){ .state = SHARED_STARTING, .fd = fd, .desk = desk[0] };
	say_hello(s);
	return 0;
}

void
shared_close(struct shared *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

/* Take one frame, and wait for it if wait_ms is not 0.  False if there is none. */
static bool
take_answer(struct shared *s, int wait_ms, struct query_answer *ret)
{
	unsigned char octets[QUERY_ANSWER_OCTETS + 1];
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	ssize_t n;

	if (s->fd < 0 || (wait_ms > 0 && poll(&p, 1, wait_ms) <= 0))
		return false;
	n = recv(s->fd, octets, sizeof octets, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0 || !query_answer_parse(octets, (size_t)n, ret)) {
		shared_close(s);
		s->state = SHARED_ENDED;
		return false;
	}
	if (ret->kind != QUERY_VERDICT)
		s->state = ret->kind == QUERY_HERE ? SHARED_HERE : SHARED_AWAY;
	return true;
}

void
shared_listen(struct shared *s)
{
	struct query_answer answer;

	while (take_answer(s, 0, &answer))
		;
}

static void
wait_for_start(struct shared *s, int64_t until_ms)
{
	struct query_answer answer;

	while (s->state == SHARED_STARTING && clock_left_ms(until_ms) > 0)
		(void)take_answer(s, clock_left_ms(until_ms), &answer);
	if (s->state == SHARED_STARTING)
		s->state = SHARED_AWAY;
}

enum strangers_limit
shared_enter(struct shared *s, const struct strangers_limits *limits,
    const struct strangers_key *key, uint32_t open)
{
	const int64_t until_ms = clock_ms() + SHARED_WAIT_MS;
	struct query q = { .kind = QUERY_ENTER, .key = *key, .open = open, .limits = *limits };
	struct query_answer answer;

	shared_listen(s);
	wait_for_start(s, until_ms);
	if (s->state != SHARED_HERE) {
		shared_open(s, key, open);
		return STRANGERS_LIMITS;
	}
	q.number = ++s->number;
	if (send_query(s, &q))
		while (s->state == SHARED_HERE && clock_left_ms(until_ms) > 0)
			if (take_answer(s, clock_left_ms(until_ms), &answer) &&
			    answer.kind == QUERY_VERDICT && answer.number == q.number)
				return answer.limit;
	if (s->state == SHARED_HERE) {
		s->state = SHARED_AWAY;
		say_hello(s);
	}
	return STRANGERS_LIMITS;
}

void
shared_open(struct shared *s, const struct strangers_key *key, uint32_t open)
{
	(void)send_query(s, &(struct query){ .kind = QUERY_OPEN, .key = *key, .open = open });
}

void
shared_count(struct shared *s, const struct strangers_limits *limits,
    const struct strangers_key *key, enum strangers_limit what)
{
	(void)send_query(s, &(struct query){ .kind = QUERY_COUNT, .key = *key, .what = what,
	    .limits = *limits });
}
