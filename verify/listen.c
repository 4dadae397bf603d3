// SPDX-License-Identifier: ISC
/*
 * The next process gets by fork(2) what the listener knows of the DNS.
 */
#include "verify/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/backlog.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sign.h"
#include "verify/findings.h"
#include "verify/learner.h"

#define FIRST_INHERITED 3	/* SD_LISTEN_FDS_START */
#define OWN_PLACES	4	/* of the poll, before the sockets of servers */
#define REST_MS		250	/* after a connection that could not be served */

static uint64_t
env_uint(const char *name)
{
	uint64_t v = 0;

	(void)slice_uint(slice_str(getenv(name)), INT32_MAX, &v);
	return v;
}

int
verify_inherit(struct verify_listener *l)
{
	const bool ours = env_uint("LISTEN_PID") == (uint64_t)getpid();
	const uint64_t n = ours ? env_uint("LISTEN_FDS") : 0;

	if (n > VERIFY_LISTEN_MAX)
		return -EMFILE;
	for (int fd = FIRST_INHERITED; fd < FIRST_INHERITED + (int)n; fd++) {
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
			return -errno;
		l->fds[l->n++] = fd;
	}
	l->inherited = n > 0;
	return 0;
}

/* A socket in the file system: one that nobody serves is replaced. */
static int
bind_unix(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return -EADDRINUSE;
	if (errno == ECONNREFUSED)
		(void)unlink(path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
		return -errno;
	/* Servers of other users connect; the folder decides which. */
	return chmod(path, 0666) < 0 ? -errno : 0;
}

int
verify_listen(struct verify_listener *l, const char *place)
{
	const bool is_unix = strncmp(place, "unix:", 5) == 0;
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	const int one = 1;
	socklen_t len;
	int fd, r = 0;

	if (l->n == VERIFY_LISTEN_MAX)
		return -EMFILE;
	if (!is_unix && (!address_parse(slice_str(place), 0, &ss, &len) ||
	    address_port((const struct sockaddr *)&ss) == 0))
		return -EINVAL;
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (is_unix)
		r = bind_unix(fd, place + 5);
	else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
	    bind(fd, (const struct sockaddr *)&ss, len) < 0)
		r = -errno;
	if (r == 0 && listen(fd, BACKLOG_MAX) < 0)
		r = -errno;
	if (r < 0)
		(void)close(fd);
	else
		l->fds[l->n++] = fd;
	return r;
}

/* ---- processes ---- */

struct loop {
	struct verify_listener *l;
	const struct config *config;
	int signals;
	struct learner learner;
	struct findings findings;
	uint64_t children;
	int64_t idle_since_ms;
};

/* Reap what has ended.  True if a signal asks the listener to end. */
static bool
take_signals(struct loop *loop)
{
	struct signalfd_siginfo info;
	bool stop = false;
	int status;
	pid_t pid;

	while (read(loop->signals, &info, sizeof info) == (ssize_t)sizeof info)
		stop |= info.ssi_signo != SIGCHLD;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		loop->children -= !learner_ended(&loop->learner, pid);
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM)
			log_text(LOG_LEVEL_ERROR, "a session was killed by signal %d",
			    WTERMSIG(status));
	}
	return stop;
}

static void
leave_loop(struct loop *loop)
{
	sigset_t all;

	for (size_t i = 0; i < loop->l->n; i++)
		(void)close(loop->l->fds[i]);
	(void)close(loop->signals);
	learner_join(&loop->learner);
	findings_join(&loop->findings);
	(void)sigemptyset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

/* True in the process of the connection. */
static bool
take_connection(struct loop *loop, int listening, int *ret_fd)
{
	const int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	const bool full = loop->children >= loop->config->verify.max_connections;
	pid_t pid;

	if (fd < 0 && errno != EMFILE && errno != ENFILE && errno != ENOMEM)
		return false;		/* it has gone already */
	pid = fd < 0 || full ? -1 : fork();
	if (pid == 0) {
		leave_loop(loop);
		*ret_fd = fd;
		return true;
	}
	if (fd >= 0)
		(void)close(fd);
	if (pid > 0) {
		loop->children++;
		return false;
	}
	if (full)
		log_text(LOG_LEVEL_WARNING, "%u connections, one more refused: raise "
		    "[verify] max-connections", (unsigned)loop->children);
	else
		log_text(LOG_LEVEL_ERROR, "cannot serve a connection: %s", strerror(errno));
	(void)poll(NULL, 0, REST_MS);
	return false;
}

/* A listener of a manager ends if nobody needed it for a while. */
static int
time_to_live(struct loop *loop)
{
	if (!loop->l->inherited || loop->config->server.exit_idle_ms == 0)
		return -1;
	if (loop->children || loop->idle_since_ms == 0)
		loop->idle_since_ms = clock_ms();
	return clock_left_ms(loop->idle_since_ms + (int64_t)loop->config->server.exit_idle_ms);
}

/* The lines of processes that have ended are kept. */
static int
end_loop(struct loop *loop)
{
	if (loop->findings.in >= 0)
		findings_take(&loop->findings);
	return EX_OK;
}

static int
run_loop(struct loop *loop, int *ret_fd)
{
	struct pollfd p[VERIFY_LISTEN_MAX + OWN_PLACES];
	const size_t n = loop->l->n;

	for (size_t i = 0; i < n; i++)
		p[i + OWN_PLACES] = (struct pollfd){ .fd = loop->l->fds[i], .events = POLLIN };
	p[0] = (struct pollfd){ .fd = loop->signals, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = loop->learner.questions, .events = POLLIN };
	p[2] = (struct pollfd){ .fd = loop->findings.in, .events = POLLIN };
	for (;;) {
		p[3] = (struct pollfd){ .fd = loop->learner.aide.fd, .events = POLLIN };
		if (poll(p, n + OWN_PLACES, time_to_live(loop)) == 0)
			return end_loop(loop);
		if (p[2].revents)
			findings_take(&loop->findings);
		if (p[3].revents)
			learner_take(&loop->learner);
		if (p[1].revents)
			learner_pass(&loop->learner);
		if (p[0].revents && take_signals(loop))
			return end_loop(loop);
		for (size_t i = 0; i < n; i++)
			if (p[i + OWN_PLACES].revents &&
			    take_connection(loop, p[i + OWN_PLACES].fd, ret_fd))
				return -1;
	}
}

int
verify_accept(struct verify_listener *l, const struct config *config, int *ret_fd)
{
	struct loop loop = { .l = l, .config = config };
	sigset_t caught;
	int r;

	(void)sign_warm();
	findings_open(&loop.findings, config);
	(void)sigemptyset(&caught);
	(void)sigaddset(&caught, SIGCHLD);
	(void)sigaddset(&caught, SIGTERM);
	(void)sigaddset(&caught, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &caught, NULL);
	loop.signals = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
	r = loop.signals < 0 ? -errno : learner_open(&loop.learner, config);
	if (r < 0) {
		log_text(LOG_LEVEL_ERROR, "cannot prepare for sessions: %s", strerror(-r));
		return EX_OSERR;
	}
	l->cache = loop.learner.cache;
	return run_loop(&loop, ret_fd);
}
