// SPDX-License-Identifier: ISC
/*
 * Says in the log what becomes of the listening sockets, and to clients too many that they are.  Called
 * by smtp-handler.c only.  Must not wait for any client.
 */
#include "session/front.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/name.h"
#include "session/signals.h"
#include "session/endpoint.h"

#define SORRY_MS 1000
#define SHUTDOWN_MS 30000	/* for the sessions to end when the listener does */

static int
bind_failed(const char *text, int error)
{
	const char *advice = "";

	if (error == -EADDRINUSE)
		advice = "; another server has it (ss -ltnp shows which): stop that one or choose another port";
	else if (error == -EACCES)
		advice = "; ports below 1024 need a socket unit, inetd, or CAP_NET_BIND_SERVICE";
	else if (error == -EADDRNOTAVAIL)
		advice = "; this host has no such address (now)";
	log_text(LOG_LEVEL_ERROR, "cannot listen on %s: %s%s", text, strerror(-error), advice);
	return error == -EADDRINUSE || error == -EADDRNOTAVAIL ? EX_TEMPFAIL : EX_CONFIG;
}

/* Which port it has become, where the port was 0; and for whoever waits to be able to connect. */
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

		log_str(&line, "address", slice_of(un->sun_path, strnlen(un->sun_path, sizeof un->sun_path)));
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
		log_text(LOG_LEVEL_ERROR, "LISTEN_FDS: %s; want listening stream sockets, or one connection",
		    strerror(-r));
		return EX_CONFIG;
	}
	for (size_t i = 0; i < n; i++) {
		struct sockaddr_storage ss;
		socklen_t len;

		if (!address_parse(slice_str(addresses[i]), 25, &ss, &len)) {
			log_text(LOG_LEVEL_ERROR, "--listen %s: want ADDRESS:PORT, such as 127.0.0.1:2525 or [::1]:2525",
			    addresses[i]);
			return EX_USAGE;
		}
		r = listen_bind(l, (const struct sockaddr *)&ss, len);
		if (r < 0)
			return bind_failed(addresses[i], r);
	}
	for (size_t i = 0; i < l->n; i++)
		log_listening(l->fds[i]);
	return 0;
}

/* For the sessions that begin from now on.  With errors in it (they are logged) the old one stays. */
static void
reload(const struct options *options, struct config *config)
{
	struct config fresh = { 0 };

	if (options_config(options, &fresh) >= 0)
		return;
	config_done(config);
	*config = fresh;
	log_text(LOG_LEVEL_INFO, "configuration read again");
}

/* A new socket has room for a line, so this waits for nobody. */
static void
refuse(int fd, const struct config *config)
{
	char space[600], name[ENDPOINT_LITERAL_MAX];
	struct buf b = BUF(space), literal = BUF(name);

	buf_str(&b, "421 4.3.2 ");
	buf_add(&b, endpoint_name(config->server.hostname, fd, &literal));
	buf_str(&b, " too many connections, try again later\r\n");
	(void)send(fd, b.p, b.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)close(fd);
}

void
listen_sorry(int fd)
{
	const int64_t until_ms = clock_ms() + SORRY_MS;
	char space[NAME_MAX_OCTETS + 100], name[ENDPOINT_LITERAL_MAX];
	struct buf b = BUF(space), literal = BUF(name);
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	buf_str(&b, "421 4.3.5 ");
	if (!name_of_host(&b))
		buf_add(&b, endpoint_name(NULL, fd, &literal));
	buf_str(&b, " server configuration error, try again later\r\n");
	if (poll(&p, 1, SORRY_MS) <= 0)
		return;
	if (send(fd, b.p, b.n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == ENOTSOCK && signal(SIGPIPE, SIG_IGN) != SIG_ERR && write(fd, b.p, b.n) < 0)
			errno = 0;	/* nobody there */
		return;
	}
	/* What it has sent meanwhile must not make the kernel reset the connection before that is read. */
	p.events = POLLIN;
	if (shutdown(fd, SHUT_WR) == 0)
		while (poll(&p, 1, clock_left_ms(until_ms)) > 0 && recv(fd, space, sizeof space, MSG_DONTWAIT) > 0)
			;
}

static int
stopped(struct listener *l)
{
	const size_t left = listen_stop(l, SHUTDOWN_MS);

	if (left)
		log_text(LOG_LEVEL_WARNING, "%zu sessions have not ended yet", left);
	return EX_OK;
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
		struct listen_news news;

		listen_next(l, (size_t)config->server.max_connections, &news);
		switch (news.event) {
		case LISTEN_SESSION:
			*ret_fd = news.fd;
			return -1;
		case LISTEN_FULL:
			log_text(LOG_LEVEL_WARNING, "%zu connections, one more refused", l->nchildren);
			refuse(news.fd, config);
			break;
		case LISTEN_TROUBLE:
			log_text(LOG_LEVEL_ERROR, "cannot take a connection: %s", strerror(news.error));
			if (news.fd >= 0)
				refuse(news.fd, config);
			break;
		case LISTEN_DIED:
			log_text(LOG_LEVEL_ERROR, "a session was killed by signal %d", news.error);
			break;
		case LISTEN_RELOAD:
			reload(options, config);
			break;
		case LISTEN_STOP:
			return stopped(l);
		}
	}
}
