// SPDX-License-Identifier: ISC
/*
 * smtp-maildir: writes one message into the Maildir of a user, as that user.  With --users it
 * answers sessions whether a user exists.
 *
 * As root it reads as little as it can.  So it takes from the configuration only what it needs, and
 * leaves the rest and its mistakes to the other programs.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/backlog.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/owner.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/options.h"
#include "config/settings.h"
#include "maildir/agent.h"
#include "maildir/registry.h"

#define INHERITED   3		/* SD_LISTEN_FDS_START */
#define REQUEST_S   30		/* for the runner to send its request */
#define USERS_IDLE_S 60		/* without a question, until the program ends */

static const char usage[] =
    "usage: smtp-maildir [-c FILE] [-o SECTION.KEY=VALUE]... [--listen SOCKET]\n"
    "       smtp-maildir [-c FILE] [-o ...] --users [--listen SOCKET]\n"
    "Write one message into the Maildir of a user, as that user.  smtp-maildir.socket starts\n"
    "it with a connection of smtp-relay on standard input.\n"
    "\n"
    "  --users             answer smtp-handler whether users exist (smtp-users.socket)\n"
    "  --listen SOCKET     make this socket and serve it, without systemd\n"
    "  -c FILE             configuration (" CONFIG_DEFAULT_FILE ")\n"
    "  -o SECTION.KEY=VAL  override one key of the file; may be repeated\n"
    "  --check             check the configuration and exit\n"
    "  --version, --help\n"
    "Exit: 0 done, 64 usage, 71 the system failed, 76 the other end sent no request, "
    "77 it may not, 78 configuration.\n";

enum { OPTION_USERS = OPTION_OWN, OPTION_LISTEN };

static const struct option long_options[] = {
	{ "users", no_argument, NULL, OPTION_USERS },
	{ "listen", required_argument, NULL, OPTION_LISTEN },
	{ 0 },
};

struct helper {
	bool users;
	const char *listen;
	struct options options;
	struct config config;		/* only [queue] directory and [relay] min-uid are set */
};

static int
own_option(void *ctx, int val, const char *argument)
{
	struct helper *h = ctx;

	if (val == OPTION_USERS)
		h->users = true;
	else
		h->listen = argument;
	return 0;
}

/* ---- the configuration ---- */

static void
log_error(void *ctx, const char *file, unsigned line, const char *text)
{
	(void)ctx;
	log_text(LOG_LEVEL_ERROR, "%s:%u: %s", file ? file : "smtp-handler.conf", line, text);
}

static const struct config_report report = { .error = log_error };

static bool
take_setting(void *ctx, const struct setting *s)
{
	struct helper *h = ctx;
	char space[300];
	struct buf why = BUF(space);
	const bool wanted = (slice_eq(s->section, SL("queue")) &&
		slice_eq(s->key, SL("directory"))) ||
	    (slice_eq(s->section, SL("relay")) && slice_eq(s->key, SL("min-uid")));

	if (wanted && keys_set(&h->config, keys_find(s->section, s->key), s->value, &why) < 0)
		log_error(NULL, s->place.file, s->place.line, buf_cstr(&why));
	return true;
}

/* 0 or -EINVAL. */
static int
read_settings(const struct helper *h, bool (*set)(void *ctx, const struct setting *s), void *ctx)
{
	const struct config_source from = options_source(&h->options);
	struct settings s = { .report = &report, .set = set, .ctx = ctx };

	settings_read(&s, &from);
	settings_done(&s);
	return s.errors ? -EINVAL : 0;
}

struct search {
	struct slice target;
	bool found;
};

static bool
compare_via(void *ctx, const struct setting *s)
{
	struct search *search = ctx;
	struct way_value v;
	char space[300];
	struct buf why = BUF(space);

	if (!slice_has_prefix(s->section, SL("route")) || !slice_eq(s->key, SL("via")))
		return true;
	if (way_parse(s->value, &v, &why) == 0 && v.via == VIA_OWNER)
		search->found |= slice_eq(v.target, search->target);
	return true;
}

/* A runner that was taken over must not choose the path. */
static bool
has_route(void *ctx, const char *target)
{
	struct search search = { .target = slice_str(target) };

	return read_settings(ctx, compare_via, &search) == 0 && search.found;
}

/* ---- delivery ---- */

/* Is the other end the runner, who owns the queue? */
static bool
is_runner(const struct helper *h, int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;
	struct owner owner;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 ||
	    owner_of(h->config.queue.directory, OWNER_RELAY, &owner) < 0) {
		log_text(LOG_LEVEL_ERROR, "cannot find out who asks: %s", strerror(errno));
		return false;
	}
	if (peer.uid != owner.uid)
		log_text(LOG_LEVEL_ERROR,
		    "the user with uid %lu asked for a delivery; only the owner of the queue, "
		    "uid %lu, may", (unsigned long)peer.uid, (unsigned long)owner.uid);
	return peer.uid == owner.uid;
}

static int
deliver_from(struct helper *h, int fd)
{
	const struct timeval patience = { .tv_sec = REQUEST_S };
	const struct agent_terms terms = {
		.min_uid = h->config.relay.min_uid, .has_route = has_route, .ctx = h,
	};
	int r;

	if (!is_runner(h, fd))
		return EX_NOPERM;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	r = agent_serve(fd, &terms);
	if (r < 0)
		log_text(LOG_LEVEL_ERROR, "the request or its answer: %s", strerror(-r));
	return r == 0 ? EX_OK : EX_PROTOCOL;
}

/* A process for each connection. */
static int
deliver_all(struct helper *h, int listener)
{
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		pid_t pid;

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		pid = fd < 0 ? -1 : fork();
		if (pid == 0) {
			(void)close(listener);
			_exit(deliver_from(h, fd));
		}
		if (pid < 0) {
			log_text(LOG_LEVEL_ERROR, "cannot serve a connection: %s",
			    strerror(errno));
			(void)sleep(1);
		}
		if (fd >= 0)
			(void)close(fd);
	}
}

/* ---- sockets ---- */

static bool
has_option(int fd, int option, int value)
{
	int v = -1;
	socklen_t n = sizeof v;

	return getsockopt(fd, SOL_SOCKET, option, &v, &n) == 0 && v == value;
}

/* A new socket that only this user may connect to.  A socket that nobody serves is replaced. */
static int
make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	mode_t mask;
	int r;

	if (fd < 0)
		return -errno;
	r = strlen(path) < sizeof address.sun_path ? 0 : -ENAMETOOLONG;
	if (r == 0) {
		memcpy(address.sun_path, path, strlen(path));
		if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
			r = -EADDRINUSE;
		else if (errno == ECONNREFUSED)
			(void)unlink(path);
	}
	mask = umask(0177);
	if (r == 0 && (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(fd, BACKLOG_MAX) < 0))
		r = -errno;
	(void)umask(mask);
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

/* The client of the socket: the handler for --users, or the runner.  As root, give it to them. */
static int
give_socket(const struct helper *h, const char *path)
{
	struct owner owner;
	int r;

	if (geteuid() != 0)
		return 0;
	r = owner_of(h->config.queue.directory, h->users ? OWNER_HANDLER : OWNER_RELAY, &owner);
	if (r < 0)
		return r;
	return chown(path, owner.uid, owner.gid) < 0 ? -errno : 0;
}

/* A listening socket: systemd's, or one made here.  -1: there is none. */
static int
find_listener(const struct helper *h)
{
	uint64_t pid = 0, n = 0;
	int fd, r;

	if (h->listen) {
		fd = make_socket(h->listen);
		r = fd < 0 ? fd : give_socket(h, h->listen);
		if (r < 0)
			log_text(LOG_LEVEL_ERROR, "cannot listen on %s: %s", h->listen,
			    strerror(-r));
		return r < 0 ? -1 : fd;
	}
	(void)slice_uint(slice_str(getenv("LISTEN_PID")), INT32_MAX, &pid);
	(void)slice_uint(slice_str(getenv("LISTEN_FDS")), INT32_MAX, &n);
	if (n == 1 && pid == (uint64_t)getpid() && has_option(INHERITED, SO_ACCEPTCONN, 1))
		return INHERITED;
	return -1;
}

static int
serve(struct helper *h)
{
	const bool connected = has_option(STDIN_FILENO, SO_TYPE, SOCK_SEQPACKET) &&
	    has_option(STDIN_FILENO, SO_ACCEPTCONN, 0);
	int listener;

	if (connected && !h->users && !h->listen)
		return deliver_from(h, STDIN_FILENO);
	listener = find_listener(h);
	if (listener < 0) {
		if (!h->listen)
			log_text(LOG_LEVEL_ERROR, "there is no connection: write --listen SOCKET, "
			    "or start smtp-%s.socket", h->users ? "users" : "maildir");
		return h->listen ? EX_OSERR : EX_USAGE;
	}
	if (!h->users)
		return deliver_all(h, listener);
	return registry_serve(listener, h->config.relay.min_uid,
	    h->listen ? 0 : USERS_IDLE_S) < 0 ? EX_OSERR : EX_OK;
}

int
main(int argc, char **argv)
{
	static const struct program program = {
		.name = "smtp-maildir", .usage = usage, .options = long_options
	};
	static struct helper h;
	int code;

	harden_process();
	log_open("smtp-maildir");
	code = options_parse(&h.options, &program, argc, argv, own_option, &h);
	if (code >= 0)
		return code;
	if (h.options.check)
		return options_config(&h.options, &h.config);
	if (keys_defaults(&h.config) < 0 || read_settings(&h, take_setting, &h) < 0)
		return EX_CONFIG;
	return serve(&h);
}
