// SPDX-License-Identifier: ISC
/*
 * The starter is the child, so a session that never begins TLS does not wait for its end: that is
 * the end of the socket between the two.  It takes one datagram of text from the session.
 *
 * If TLS begins, the session stays as a process without descriptors, because inetd and systemd know
 * its process ID.  It ends as smtp-handler-tls ends.
 */
#include "session/starter.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/texts.h"
#include "session/secure.h"
#include "session/signals.h"

static int partner = -1;	/* a socket to the other process */
static pid_t starter;		/* in the session */

struct starting {
	const struct config *config;
	const struct options *options;
	const struct start *start;
	pid_t session;
};

/* Start smtp-handler-tls.  -errno if that fails. */
static int
become_tls(const struct starting *s, const char *text)
{
	struct handover handover;
	int r;

	if (!handover_parse(&handover, text) || slice_has_control(slice_str(text)))
		return -EPROTO;
	/* The end of the session's process ends the program, too. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0 || getppid() != s->session)
		_exit(EX_UNAVAILABLE);
	handover.rfd = s->start->rfd;
	handover.wfd = s->start->wfd;
	handover.print_fd = s->start->print_fd;
	handover.config_fd = config_texts_seal(s->options->keep);
	r = secure_resume(s->config, s->options, &handover);
	if (handover.config_fd >= 0)
		(void)close(handover.config_fd);
	return r;
}

/* The starter's life, until it is smtp-handler-tls. */
static _Noreturn void
serve_session(const struct starting *s)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGUSR1, SIGUSR2 };
	char text[HANDOVER_MAX + 1];
	ssize_t n;
	int r;

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		(void)signal(numbers[i], SIG_DFL);
	while ((n = recv(partner, text, sizeof text - 1, 0)) > 0) {
		text[n] = '\0';
		r = become_tls(s, text);
		(void)send(partner, &r, sizeof r, MSG_NOSIGNAL);
	}
	_exit(EX_OK);
}

int
starter_fork(const struct config *config, const struct options *options,
    const struct start *start)
{
	const struct starting s = { config, options, start, getpid() };
	int ends[2], r = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	starter = fork();
	if (starter == 0) {
		(void)close(ends[0]);
		partner = ends[1];
		serve_session(&s);
	}
	if (starter > 0) {
		partner = ends[0];
	} else {
		r = -errno;
		(void)close(ends[0]);
	}
	(void)close(ends[1]);
	return r;
}

/* A signal now ends this process at once, and by that the kernel sends one to the program. */
static _Noreturn void
end_like_program(void)
{
	int status = 0;

	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	if (signals_stop)
		_exit(EX_OK);
	/* The client, and filters. */
	(void)syscall(SYS_close_range, 0U, ~0U, 0U);
	while (waitpid(starter, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
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
		end_like_program();
	return n == (ssize_t)sizeof r && r < 0 ? r : -EPROTO;
}
