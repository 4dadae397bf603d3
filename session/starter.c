// SPDX-License-Identifier: ISC
/*
 * The starter is the parent, because inetd, systemd and the listener know its process ID: that of
 * smtp-handler-tls is the same.  It takes one datagram of text from the session.
 */
#include "session/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "config/texts.h"
#include "session/secure.h"
#include "session/signals.h"

static int partner = -1;	/* a socket to the other process */

struct starting {
	const struct config *config;
	const struct options *options;
	const struct start *start;
	pid_t session;
	int wake_fd;
};

/* End as the session has ended. */
static void
end_like(pid_t session)
{
	int status = 0;

	while (waitpid(session, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFSIGNALED(status))
		_exit(WEXITSTATUS(status));
	(void)signal(WTERMSIG(status), SIG_DFL);
	(void)kill(getpid(), WTERMSIG(status));
	_exit(128 + WTERMSIG(status));
}

/* Start smtp-handler-tls.  -errno if that fails. */
static int
become_tls(const struct starting *s, const char *text)
{
	struct handover handover;
	int r;

	if (!handover_parse(&handover, text) || slice_has_control(slice_str(text)))
		return -EPROTO;
	handover.rfd = s->start->rfd;
	handover.wfd = s->start->wfd;
	handover.print_fd = s->start->print_fd;
	handover.config_fd = config_texts_seal(s->options->keep);
	/* Nobody waits for the session any more. */
	(void)signal(SIGCHLD, SIG_IGN);
	r = secure_resume(s->config, s->options, &handover);
	(void)signal(SIGCHLD, SIG_DFL);
	if (handover.config_fd >= 0)
		(void)close(handover.config_fd);
	return r;
}

static void
answer(const struct starting *s)
{
	char text[HANDOVER_MAX + 1];
	const ssize_t n = recv(partner, text, sizeof text - 1, 0);
	int r;

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0)
		end_like(s->session);
	text[n] = '\0';
	r = become_tls(s, text);
	(void)send(partner, &r, sizeof r, MSG_NOSIGNAL);
}

/* The rest of the starter's life, until it is smtp-handler-tls. */
static _Noreturn void
serve_session(const struct starting *s)
{
	for (;;) {
		struct pollfd p[] = {
			{ .fd = partner, .events = POLLIN }, { .fd = s->wake_fd, .events = POLLIN },
		};
		int number;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			end_like(s->session);
		number = signals_stop;
		if (number) {
			signals_stop = 0;
			signals_drain(s->wake_fd);
			(void)kill(s->session, number);
		}
		if (p[0].revents)
			answer(s);
	}
}

/* In the process of the session. */
static void
begin_session(pid_t starter, int end)
{
	partner = end;
	/* A starter that is killed takes the session with it. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) == 0 && getppid() != starter)
		_exit(0);
}

int
starter_fork(const struct config *config, const struct options *options,
    const struct start *start)
{
	struct starting s = { .config = config, .options = options, .start = start };
	const pid_t starter = getpid();
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	s.session = fork();
	if (s.session < 0) {
		r = -errno;
		(void)close(ends[0]);
		(void)close(ends[1]);
		return r;
	}
	(void)close(ends[s.session == 0 ? 0 : 1]);
	if (s.session == 0) {
		begin_session(starter, ends[1]);
		return 0;
	}
	partner = ends[0];
	s.wake_fd = signals_catch(SIGNALS_SESSION);
	serve_session(&s);
}

int
starter_ask(const struct handover *handover)
{
	char space[HANDOVER_MAX];
	struct buf text = BUF(space);
	ssize_t n;
	int r;

	if (partner < 0)
		return -ESRCH;
	handover_format(&text, handover);
	if (text.full)
		return -ENAMETOOLONG;
	if (send(partner, text.p, text.n, MSG_NOSIGNAL) < 0)
		return -errno;
	do
		n = recv(partner, &r, sizeof r, 0);
	while (n < 0 && errno == EINTR);
	/* The starter's end is closed as smtp-handler-tls begins. */
	if (n == 0)
		_exit(0);
	return n == (ssize_t)sizeof r && r < 0 ? r : -EPROTO;
}
