// SPDX-License-Identifier: ISC
/*
 * smtp-verify: checks who sends us mail.  It is a filter that a mail server asks by the milter
 * protocol: on standard input, or at sockets with a process for each connection.  A process reads
 * the resolver's configuration, puts up its walls, and only then reads its first octet.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/harden.h"
#include "base/log.h"
#include "base/sign.h"
#include "config/options.h"
#include "verify/confine.h"
#include "verify/lists.h"
#include "verify/listen.h"
#include "verify/serve.h"

enum { OPTION_LISTEN = OPTION_OWN };

static const struct option own_options[] = {
	{ "listen", required_argument, NULL, OPTION_LISTEN },
	{ NULL, 0, NULL, 0 },
};

static const struct program program = {
	.name = "smtp-verify",
	.usage = "usage: smtp-verify [-c FILE] [-o SECTION.KEY=VALUE]... [--listen PLACE]...\n"
		 "       smtp-verify --check | --version | --help\n"
		 "\n"
		 "Check incoming mail for a mail server that speaks the milter protocol.  The\n"
		 "server is on standard input, or connects to a socket.\n"
		 "\n"
		 "  -c FILE               configuration (" CONFIG_DEFAULT_FILE ")\n"
		 "  -o SECTION.KEY=VALUE  override one key of the file; may be repeated\n"
		 "  --listen PLACE        accept connections at unix:PATH or ADDR:PORT\n"
		 "  --check               check the configuration and exit\n"
		 "\n"
		 "See also smtp-verify(8) and smtp-handler.conf(5).\n",
	.options = own_options,
	.role = OWNER_HANDLER,
};

static struct wishes {
	const char *listen[VERIFY_LISTEN_MAX];
	size_t n;
} wishes;

static int
add_wish(void *ctx, int val, const char *argument)
{
	struct wishes *w = ctx;

	(void)val;
	if (w->n == VERIFY_LISTEN_MAX) {
		log_text(LOG_LEVEL_ERROR, "more than %d addresses to listen on",
		    VERIFY_LISTEN_MAX);
		return EX_USAGE;
	}
	w->listen[w->n++] = argument;
	return 0;
}

/* 0 or an exit status. */
static int
open_sockets(struct verify_listener *l)
{
	int r = verify_inherit(l);

	if (r < 0) {
		log_text(LOG_LEVEL_ERROR, "LISTEN_FDS: %s", strerror(-r));
		return EX_OSERR;
	}
	for (size_t i = 0; i < wishes.n; i++) {
		r = verify_listen(l, wishes.listen[i]);
		if (r >= 0)
			continue;
		log_text(LOG_LEVEL_ERROR, "cannot listen on %s: %s", wishes.listen[i],
		    r == -EINVAL ? "write unix:PATH or ADDR:PORT" : strerror(-r));
		return r == -EINVAL ? EX_USAGE : EX_OSERR;
	}
	return 0;
}

/* Is a server at the other end?  A terminal or a file is a user's mistake. */
static bool
has_server(void)
{
	int type;
	socklen_t n = sizeof type;

	return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &n) == 0;
}

/* Find the connection.  -1, or an exit status. */
static int
find_connection(struct verify_listener *l, const struct config *config, int *ret_fd)
{
	int r = open_sockets(l);

	*ret_fd = -1;
	if (r == 0 && l->n == 0 && !has_server()) {
		log_text(LOG_LEVEL_ERROR, "there is no connection: write --listen unix:PATH, or "
		    "start smtp-verify.socket");
		return EX_USAGE;
	}
	if (r == 0 && (r = confine_become_user()) < 0) {
		log_text(LOG_LEVEL_ERROR, "cannot become the user smtp-verify: %s", strerror(-r));
		return EX_OSERR;
	}
	if (r != 0)
		return r;
	lists_share();
	return l->n ? verify_accept(l, config, ret_fd) : -1;
}

int
main(int argc, char **argv)
{
	static struct verify_listener listener;
	static struct options options;
	static struct config config;
	static struct dns_resolver resolver;
	int r, fd;

	harden_process();
	sign_prepare();
	log_open(program.name);
	(void)signal(SIGPIPE, SIG_IGN);
	r = options_parse(&options, &program, argc, argv, add_wish, &wishes);
	if (r < 0)
		r = options_config(&options, &config);
	if (r < 0)
		r = find_connection(&listener, &config, &fd);
	if (r >= 0)
		return r;
	dns_resolver_init(&resolver, &config.relay.resolver, NULL);
	resolver.cache = listener.cache;
	confine_connection();
	return serve_connection(&config, &resolver, fd < 0 ? STDIN_FILENO : fd,
	    fd < 0 ? STDOUT_FILENO : fd);
}
