// SPDX-License-Identifier: ISC
/*
 * Accept, fork, reap.  A session is a process that lives as long as its connection, and all it
 * keeps of the listener is the configuration.  The listener never waits for a client.
 */
#include "session/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/backlog.h"
#include "base/clock.h"
#include "base/landlock.h"
#include "base/log.h"
#include "base/name.h"
#include "base/victim.h"
#include "session/confine.h"
#include "session/endpoint.h"
#include "session/secure.h"
#include "session/signals.h"
#include "stats/stats.h"

#define FIRST_INHERITED 3	/* SD_LISTEN_FDS_START */
#define REST_MS 250
#define REFUSE_MS  1000
#define UNREAD_MAX 17		/* parts of 4096 octets: more than a header of PROXY */
#define SHUTDOWN_MS 30000	/* for the sessions to end when the listener ends */
#define REFUSE_ALL_MS 10000	/* for clients of a listener that cannot be configured */

enum event {
	EVENT_SESSION,		/* this is the fresh process: fd is its client */
	EVENT_FULL,		/* fd is one client too many */
	EVENT_LIMITED,		/* the client of fd, at `address`, has passed `limit` */
	EVENT_TROUBLE,		/* error is the errno; fd is a client that got no process, or -1 */
	EVENT_DIED,		/* a session was killed by the signal `error` */
	EVENT_FORKER,		/* the process for sessions inside TLS has ended */
	EVENT_STALE,		/* the queue was removed or adopted; a client waits */
	EVENT_RELOAD,		/* SIGHUP */
	EVENT_STOP,		/* SIGTERM or SIGINT */
	EVENT_IDLE,		/* no session for a long time, and nothing to remember */
};

struct news {
	enum event event;
	int fd, error;
	enum strangers_limit limit;
	struct sockaddr_storage address;
};

/* Listen on one more address.  0 or -errno; -EMFILE if there are LISTEN_MAX. */
static int
bind_address(struct listener *l, const struct sockaddr *sa, socklen_t len)
{
	const int one = 1;
	int r, fd;

	if (l->n == LISTEN_MAX)
		return -EMFILE;
	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Old connections in TIME_WAIT do not keep a port busy. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
	    bind(fd, sa, len) < 0 || listen(fd, BACKLOG_MAX) < 0) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	l->fds[l->n++] = fd;
	return 0;
}

/* A number from the environment; 0 if there is none. */
static uint64_t
env_uint(const char *name)
{
	uint64_t v = 0;

	(void)slice_uint(slice_str(getenv(name)), INT32_MAX, &v);
	return v;
}

static int
socket_option(int fd, int option)
{
	int v = 0;
	socklen_t len = sizeof v;

	return getsockopt(fd, SOL_SOCKET, option, &v, &len) < 0 ? -errno : v;
}

int
listen_inherit(struct listener *l, int *ret_connection)
{
	const bool ours = env_uint("LISTEN_PID") == (uint64_t)getpid();
	const uint64_t n = ours ? env_uint("LISTEN_FDS") : 0;

	if (n == 0)
		return 0;
	/* Child processes must not see these. */
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	for (int fd = FIRST_INHERITED; fd < FIRST_INHERITED + (int)n; fd++) {
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return -errno;
		if (socket_option(fd, SO_TYPE) != SOCK_STREAM)
			return -EINVAL;
		if (socket_option(fd, SO_ACCEPTCONN) != 1) {
			if (n > 1)
				return -EINVAL;
			*ret_connection = fd;
			return 0;
		}
		if (l->n == LISTEN_MAX)
			return -EMFILE;
		if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
			return -errno;
		l->fds[l->n++] = fd;
		l->ninherited = l->n;
	}
	return 0;
}

/* Forget the children that have ended.  True if one of them was killed. */
static bool
reap_children(struct listener *l, struct news *ret)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == l->children.forker.pid) {
			ret->event = EVENT_FORKER;
			return true;
		}
		if (!children_remove(&l->children, pid))	/* an orphan: this is process 1 */
			continue;
		if (WIFSIGNALED(status)) {
			ret->event = EVENT_DIED;
			ret->error = WTERMSIG(status);
			return true;
		}
	}
	return false;
}

/* Keep only the first n. */
static void
close_sockets(struct listener *l, size_t n)
{
	while (l->n > n)
		(void)close(l->fds[--l->n]);
}

/* In the fresh process: give up everything that belongs to the listener. */
static void
leave_listener(struct listener *l)
{
	close_sockets(l, 0);
	children_forget(&l->children);
	*l = (struct listener){ .wake_fd = -1, .children = l->children };
}

/* Accept a connection and fork.  True in the child, or if the client gets no process. */
static bool
take_connection(struct listener *l, int listening, const struct config *config, struct news *ret)
{
	struct sockaddr *sa = (struct sockaddr *)&ret->address;
	socklen_t len = sizeof ret->address;
	struct child child;
	pid_t pid;
	int fd;

	*ret = (struct news){ .address.ss_family = AF_UNSPEC };
	ret->fd = fd = accept4(listening, sa, &len, SOCK_CLOEXEC);
	if (fd < 0) {
		/* Other errors concern this connection alone: it has gone already (accept(2)). */
		if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
			return false;
		ret->event = EVENT_TROUBLE;
		ret->error = errno;
		l->rest_until_ms = clock_ms() + REST_MS;
		return true;
	}
	ret->limit = children_enter(&l->children, config, sa, &child);
	if (ret->limit != STRANGERS_LIMITS) {
		ret->event = EVENT_LIMITED;
		return true;
	}
	if (!children_make_place(&l->children, config, config_trusts(config, sa))) {
		children_refuse(&l->children, &child);
		ret->event = EVENT_FULL;
		return true;
	}
	children_know(&l->children, &child, fd);
	confine_foresee(config, fd, l->children.forker.fd >= 0 ? l->children.to_listener : -1,
	    l->children.shared.desk);
	pid = children_make_room(&l->children) ? victim_fork(fork) : -1;
	if (pid < 0) {
		ret->event = EVENT_TROUBLE;
		ret->error = errno;
		children_refuse(&l->children, &child);
		return true;
	}
	if (pid == 0) {
		leave_listener(l);
		ret->event = EVENT_SESSION;
		return true;
	}
	(void)close(fd);
	children_add(&l->children, &child, pid);
	return false;
}

/* Milliseconds until a listener without sessions may end; -1: never.  A manager that holds the
 * sockets starts the next one. */
static int
time_to_live(struct listener *l, const struct config *config)
{
	if (l->ninherited == 0 || config->server.exit_idle_ms == 0)
		return -1;
	if (l->children.n || l->idle_since_ms == 0)
		l->idle_since_ms = clock_ms();
	return clock_left_ms(l->idle_since_ms + (int64_t)config->server.exit_idle_ms);
}

/* Is it time to end?  Failures of clients must not be forgotten before their hour has passed. */
static bool
is_idle(struct listener *l, const struct config *config)
{
	if (l->children.n || time_to_live(l, config) != 0)
		return false;
	if (!children_remember(&l->children, config))
		return true;
	l->idle_since_ms = 0;
	return false;
}

#define OTHERS 3	/* descriptors in front of the sockets: signals, remarks, shared limits */

/* Wait for connections, signals and remarks.  p gets the sockets behind OTHERS. */
static void
wait_for_any(struct listener *l, const struct config *config, struct pollfd *p)
{
	int timeout_ms = l->children.n ? -1 : time_to_live(l, config);

	p[0] = (struct pollfd){ .fd = l->wake_fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = l->children.remarks, .events = POLLIN };
	p[2] = (struct pollfd){ .fd = l->children.shared.fd, .events = POLLIN };
	for (size_t i = 0; i < l->n; i++)
		p[i + OTHERS] = (struct pollfd){ .fd = l->fds[i], .events = POLLIN };
	if (l->rest_until_ms) {
		timeout_ms = clock_left_ms(l->rest_until_ms);
		for (size_t i = 0; i < l->n; i++)
			p[i + OTHERS].fd = -1;	/* not polled */
	}
	if (poll(p, l->n + OTHERS, timeout_ms) < 0)
		p[0].revents = POLLIN;		/* a signal: its flag is set */
	if (l->rest_until_ms && clock_left_ms(l->rest_until_ms) == 0)
		l->rest_until_ms = 0;
}

static bool
has_client(const struct listener *l, const struct pollfd *sockets)
{
	size_t i = 0;

	while (i < l->n && sockets[i].revents == 0)
		i++;
	return i < l->n;
}

/* Accept from the socket whose turn it is.  True if that is an event. */
static bool
take_turns(struct listener *l, const struct pollfd *sockets, const struct config *config,
    struct news *ret)
{
	for (size_t i = 0; i < l->n; i++) {
		const size_t at = (l->turn + i) % l->n;

		if (sockets[at].revents == 0)
			continue;
		l->turn = at + 1;
		if (take_connection(l, l->fds[at], config, ret))
			return true;
	}
	return false;
}

static void
next_event(struct listener *l, const struct config *config, struct news *ret)
{
	struct pollfd p[LISTEN_MAX + OTHERS];

	for (;;) {
		*ret = (struct news){ .fd = -1 };
		if (reap_children(l, ret))
			return;
		if (signals_stop) {
			ret->event = EVENT_STOP;
			return;
		}
		if (signals_reload) {
			signals_reload = 0;
			ret->event = EVENT_RELOAD;
			return;
		}
		wait_for_any(l, config, p);
		if (p[0].revents) {
			signals_drain(l->wake_fd);
			continue;
		}
		if (p[1].revents)
			children_listen(&l->children, config);
		if (p[2].revents)
			children_share(&l->children);
		if (has_client(l, p + OTHERS) && confine_stale()) {
			ret->event = EVENT_STALE;
			return;
		}
		if (take_turns(l, p + OTHERS, config, ret))
			return;
		if (is_idle(l, config)) {
			ret->event = EVENT_IDLE;
			return;
		}
	}
}

/* Accept no more, and wait for the sessions to end.  The manager holds inherited sockets open, and
 * new clients wait there for the next listener: that one must not wait for old sessions. */
static int
stop_all(struct listener *l)
{
	const int64_t until_ms = clock_ms() + (l->ninherited ? 0 : SHUTDOWN_MS);
	struct news news;

	close_sockets(l, 0);
	for (size_t i = 0; i < l->children.n; i++)
		(void)kill(l->children.list[i].pid, SIGTERM);
	for (;;) {
		struct pollfd p = { .fd = l->wake_fd, .events = POLLIN };

		while (reap_children(l, &news))
			;
		if (l->children.n == 0 || clock_left_ms(until_ms) == 0)
			break;
		if (poll(&p, 1, clock_left_ms(until_ms)) > 0)
			signals_drain(l->wake_fd);
	}
	if (l->children.n)
		log_text(l->ninherited ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
		    "%zu sessions have not ended yet", l->children.n);
	return EX_OK;
}

static int
bind_failed(const char *text, int error)
{
	const char *advice = "";

	if (error == -EADDRINUSE)
		advice = "; another server uses it (ss -ltnp shows which): stop that one or choose "
			 "another port";
	else if (error == -EACCES)
		advice = "; ports below 1024 need a socket unit, inetd, or CAP_NET_BIND_SERVICE";
	else if (error == -EADDRNOTAVAIL)
		advice = "; this host has no such address (now)";
	log_text(LOG_LEVEL_ERROR, "cannot listen on %s: %s%s", text, strerror(-error), advice);
	return error == -EADDRINUSE || error == -EADDRNOTAVAIL ? EX_TEMPFAIL : EX_CONFIG;
}

/* The line has the port that the kernel chose for port 0.  After it, clients can connect. */
static void
log_listening(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof ss;
	char space[64];
	struct buf address = BUF(space);
	struct log_line line;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		address_text(&address, (const struct sockaddr *)&ss);
	log_begin(&line, LOG_LEVEL_INFO, "listening");
	if (ss.ss_family == AF_UNIX) {
		const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)&ss;

		log_str(&line, "address",
		    slice_of(un->sun_path, strnlen(un->sun_path, sizeof un->sun_path)));
	} else {
		log_str(&line, "address", buf_slice(&address));
		log_uint(&line, "port", address_port((const struct sockaddr *)&ss));
	}
	log_end(&line);
}

int
listen_open(struct listener *l, const char *const *addresses, size_t n, int *ret_connection)
{
	int r = listen_inherit(l, ret_connection);

	if (r < 0) {
		log_text(LOG_LEVEL_ERROR,
		    "LISTEN_FDS: %s; pass listening stream sockets, or one connection",
		    strerror(-r));
		return EX_CONFIG;
	}
	for (size_t i = 0; i < n; i++) {
		struct sockaddr_storage ss;
		socklen_t len;

		if (!address_parse(slice_str(addresses[i]), 25, &ss, &len)) {
			log_text(LOG_LEVEL_ERROR, "--listen %s: write ADDRESS:PORT, such as "
			    "127.0.0.1:2525 or [::1]:2525", addresses[i]);
			return EX_USAGE;
		}
		r = bind_address(l, (const struct sockaddr *)&ss, len);
		if (r < 0)
			return bind_failed(addresses[i], r);
	}
	if (l->n)
		signals_keep_reload();
	for (size_t i = 0; i < l->n; i++)
		log_listening(l->fds[i]);
	return 0;
}

static bool
is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Do both ask the same Redis in the same way? */
static bool
share_alike(const struct config *a, const struct config *b)
{
	return is_same(a->shared.redis, b->shared.redis) &&
	       is_same(a->shared.user, b->shared.user) &&
	       is_same(a->shared.password_file, b->shared.password_file) &&
	       is_same(a->shared.prefix, b->shared.prefix);
}

/* New sessions get the new configuration.  If it has errors, they are logged, and the old one
 * stays.  *ret_shared: the place of shared limits is another one. */
static void
reload(const struct listener *l, const struct options *options, struct config *config,
    bool *ret_shared)
{
	struct config fresh = { 0 };
	struct config_texts texts = { .n = 0 };
	struct options again = *options;
	int r = 0;

	again.keep = options->keep ? &texts : NULL;
	if (options_config(&again, &fresh) >= 0) {
		log_text(LOG_LEVEL_ERROR,
		    "the configuration has errors and is not used: the old one stays");
		config_texts_done(&texts);
		return;
	}
	if (l->children.forker.fd >= 0)
		r = forker_configure(&l->children.forker, &texts);
	if (r < 0)
		log_text(LOG_LEVEL_ERROR, "STARTTLS: sessions have the old configuration: %s",
		    strerror(-r));
	*ret_shared = !share_alike(config, &fresh);
	config_done(config);
	*config = fresh;
	if (options->keep) {
		config_texts_done(options->keep);
		*options->keep = texts;
	}
	log_text(LOG_LEVEL_INFO, "configuration read again");
}

/* Is STARTTLS wanted now, and was not at the start?  Behind its walls a listener can start no
 * program for it. */
static bool
lacks_forker(const struct listener *l, const struct config *config)
{
	return config->server.tls != SERVER_TLS_OFF && l->children.forker.fd < 0 && !secure_here();
}

/* Read the configuration again.  Does it need programs that only a new listener can start?  True:
 * this one is to end, and the next one is started for its sockets. */
static bool
begin_anew(const struct listener *l, const struct options *options, struct config *config)
{
	bool shared = false;

	reload(l, options, config, &shared);
	if (lacks_forker(l, config))
		log_text(LOG_LEVEL_NOTICE, "STARTTLS is new in the configuration%s",
		    l->ninherited ? ": this listener ends, and the next one offers it"
				  : ": start this listener again to offer it");
	else if (shared)
		log_text(LOG_LEVEL_NOTICE, "[shared] has changed in the configuration%s",
		    l->ninherited ? ": this listener ends, and the next one uses it"
				  : ": start this listener again to use it");
	else
		return false;
	return l->ninherited > 0;
}

/* The last line to a client, without a wait: a new socket has room for it.  If octets of the client
 * were unread, such as the header of a balancer, the kernel would reset the connection and the line
 * with it. */
static void
close_with(int fd, struct slice line)
{
	char space[4096];

	(void)send(fd, line.p, line.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (shutdown(fd, SHUT_WR) == 0)
		for (int i = 0; i < UNREAD_MAX; i++)
			if (recv(fd, space, sizeof space, MSG_DONTWAIT) <= 0)
				break;
	(void)close(fd);
}

static void
refuse_client(int fd, const struct config *config, const char *status, const char *words)
{
	char space[600], name[ENDPOINT_LITERAL_MAX];
	struct buf b = BUF(space), literal = BUF(name);

	buf_str(&b, status);
	buf_add(&b, endpoint_name(config->server.hostname, fd, &literal));
	buf_str(&b, words);
	buf_str(&b, ", try again later\r\n");
	close_with(fd, buf_slice(&b));
}

static void
refusal_line(struct buf *b, int fd)
{
	char name[ENDPOINT_LITERAL_MAX];
	struct buf literal = BUF(name);

	buf_str(b, "421 4.3.5 ");
	if (!name_of_host(b))
		buf_add(b, endpoint_name(NULL, fd, &literal));
	buf_str(b, " server configuration error, try again later\r\n");
}

void
listen_refuse(int fd)
{
	const int64_t until_ms = clock_ms() + REFUSE_MS;
	char space[NAME_MAX_OCTETS + 100];
	struct buf b = BUF(space);
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	refusal_line(&b, fd);
	if (poll(&p, 1, REFUSE_MS) <= 0)
		return;
	if (send(fd, b.p, b.n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == ENOTSOCK && signal(SIGPIPE, SIG_IGN) != SIG_ERR &&
		    write(fd, b.p, b.n) < 0)
			errno = 0;	/* the client has gone */
		return;
	}
	/* If octets of the client were unread, the kernel would reset the connection and our
	 * line with it. */
	p.events = POLLIN;
	if (shutdown(fd, SHUT_WR) == 0)
		while (poll(&p, 1, clock_left_ms(until_ms)) > 0 &&
		    recv(fd, space, sizeof space, MSG_DONTWAIT) > 0)
			;
}

/* As listen_refuse(), but waits for nothing: many clients may be waiting. */
static void
refuse_at_once(int listening, bool silent)
{
	const int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	char space[NAME_MAX_OCTETS + 100];
	struct buf b = BUF(space);

	if (fd < 0)
		return;
	if (silent) {
		(void)close(fd);
		return;
	}
	refusal_line(&b, fd);
	close_with(fd, buf_slice(&b));
}

void
listen_refuse_all(struct listener *l, bool silent)
{
	const int64_t until_ms = clock_ms() + REFUSE_ALL_MS;
	struct pollfd p[LISTEN_MAX];

	close_sockets(l, l->ninherited);
	for (size_t i = 0; i < l->n; i++)
		p[i] = (struct pollfd){ .fd = l->fds[i], .events = POLLIN };
	while (poll(p, l->n, clock_left_ms(until_ms)) > 0 && clock_left_ms(until_ms) > 0)
		for (size_t i = 0; i < l->n; i++)
			if (p[i].revents)
				refuse_at_once(l->fds[i], silent);
}

static void
share_limits(struct listener *l, const struct options *options)
{
	const int r = shared_start(&l->children.shared, options);

	if (r < 0)
		log_text(LOG_LEVEL_ERROR, "no limits are shared with other machines: smtp-shared: "
		    "%s", strerror(-r));
}

int
listen_prepare(struct listener *l, const struct options *options, const struct config *config,
    struct start *start)
{
	const int r = children_open(&l->children, config);

	if (r < 0) {
		log_text(LOG_LEVEL_ERROR, "cannot prepare for sessions: %s", strerror(-r));
		return EX_TEMPFAIL;
	}
	if (config->shared.redis)
		share_limits(l, options);
	victim_prepare();
	/* Sessions inside TLS are descendants of the forker, and are signalled too. */
	if (config->server.tls != SERVER_TLS_OFF && !secure_here())
		start->tls_served = landlock_keep_signals() == 0 &&
		    forker_start(&l->children.forker, config, options, start->print_fd,
			l->children.to_listener, l->children.shared.desk) == 0;
	return 0;
}

/* The client has passed a limit for one address. */
static void
refuse_limited(struct listener *l, const struct config *config, const struct news *news)
{
	static const char *const words[STRANGERS_LIMITS] = {
		[STRANGERS_CONNECTIONS] = " too many connections from your network",
		[STRANGERS_RATE] = " too many connections in a minute from your network",
		[STRANGERS_LOGINS] = " too many failed logins from your network",
		[STRANGERS_RECIPIENTS] = " too many unknown recipients from your network",
		[STRANGERS_PROBES] = " too many transactions without a message from your network",
	};

	stats_add(STATS_REFUSED_CLIENT, news->limit, 1);
	children_log(&l->children, (const struct sockaddr *)&news->address, news->limit);
	refuse_client(news->fd, config, "421 4.7.0 ", words[news->limit]);
}

static void
report_stale(const struct listener *l, const struct config *config)
{
	log_text(LOG_LEVEL_ERROR, "the queue %s %s%s", config->queue.directory,
	    confine_lost_lease() ? "was adopted by another machine" : "was removed or replaced",
	    l->ninherited ? "" : ": start this listener again when it is back");
}

int
listen_accept(struct listener *l, const struct options *options, struct config *config, int *ret_fd)
{
	l->wake_fd = signals_catch(SIGNALS_LISTENER);
	if (l->wake_fd < 0) {
		log_text(LOG_LEVEL_ERROR, "eventfd: %s", strerror(-l->wake_fd));
		return EX_TEMPFAIL;
	}
	for (;;) {
		struct news news;

		next_event(l, config, &news);
		switch (news.event) {
		case EVENT_SESSION:
			*ret_fd = news.fd;
			return -1;
		case EVENT_FULL:
			stats_add_word(STATS_REFUSED_CLIENT, "max-connections");
			log_text(LOG_LEVEL_WARNING, "%zu connections, one more refused",
			    l->children.n);
			refuse_client(news.fd, config, "421 4.3.2 ", " too many connections");
			break;
		case EVENT_LIMITED:
			refuse_limited(l, config, &news);
			break;
		case EVENT_TROUBLE:
			log_text(LOG_LEVEL_ERROR, "cannot accept a connection: %s",
			    strerror(news.error));
			if (news.fd < 0)
				break;
			stats_add_word(STATS_REFUSED_CLIENT, "no-process");
			refuse_client(news.fd, config, "421 4.3.2 ", " too many connections");
			break;
		case EVENT_DIED:
			log_text(LOG_LEVEL_ERROR, "a session was killed by signal %d", news.error);
			break;
		case EVENT_RELOAD:
			if (!begin_anew(l, options, config))
				break;
			(void)stop_all(l);
			return EX_OK;
		case EVENT_FORKER:
			log_text(LOG_LEVEL_ERROR, "smtp-handler-tls of this listener has ended");
			(void)stop_all(l);
			return EX_TEMPFAIL;
		case EVENT_STALE:
			report_stale(l, config);
			(void)stop_all(l);
			/* The next listener gets the client, and looks for the queue. */
			return l->ninherited ? EX_OK : EX_TEMPFAIL;
		case EVENT_IDLE:
		case EVENT_STOP:
			return stop_all(l);
		}
	}
}
